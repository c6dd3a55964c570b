package journey

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// quick is what nobody waits for here: a scan each minute, and seconds for what takes
// half an hour.
var quick = map[string]string{"ScanEvery": "1 minute", "StuckAfter": "15s", "ReleaseGuard": "15s"}

func with(more map[string]string) map[string]string {
	all := maps.Clone(quick)
	maps.Copy(all, more)
	return all
}

// TestTheUsersWay goes the way of a user for each kind of installation, side by side on
// one MiniStack.
func TestTheUsersWay(t *testing.T) {
	local.Need(t, local.SAMCommand, local.MiniStack, local.AWSCommand, local.OpenTofu)
	t.Parallel()
	e, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	var played atomic.Int32
	client := func() local.Client { return clients[int(played.Add(1))%len(clients)] } // Terraform too where it is on PATH
	today, before := t.TempDir(), t.TempDir()
	if err := e.Copy(t.Context(), today, ""); err != nil {
		t.Fatal(err)
	}
	if err := e.Copy(t.Context(), before, filepath.Join(local.Root(), "infra", "stack", "testdata", "previous.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{today, before} {
		if err := e.Build(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	// One after the other: the first makes the bucket that sam keeps for all.
	deploy := func(t *testing.T, dir, stack string, parameters map[string]string) map[string]string {
		t.Helper()
		if err := e.Deploy(t.Context(), dir, stack, parameters); err != nil {
			t.Fatal(err)
		}
		outputs, err := e.Outputs(t.Context(), stack)
		if err != nil {
			t.Fatal(err)
		}
		return outputs
	}
	scene := func(t *testing.T, stack string, outputs map[string]string) Scene {
		return Scene{
			Engine: e, Stack: stack, Topic: outputs["AlertTopicArn"], Client: client(), Dir: t.TempDir(),
			Backend: outputs["BackendConfig"], Key: stack + "/terraform.tfstate", Step: t.Logf,
		}
	}
	first := deploy(t, today, "defaults", nil)

	// They wait most of the time: all at once, however few cores there are.
	var all sync.WaitGroup
	scenario := func(name string, run func(t *testing.T)) { all.Go(func() { t.Run(name, run) }) }
	scenario("with the defaults, then updated in place", func(t *testing.T) {
		outputs := deploy(t, today, "defaults", quick)
		same(t, first, outputs)
		s := scene(t, "defaults", outputs)
		play(t, s)
		retained(t, e, outputs["StateBucketName"], outputs["LockTableName"], s.Key)
	})
	scenario("from the previous version, with everything set", func(t *testing.T) {
		older := deploy(t, before, "everything", nil)
		topic, err := e.AWS(t.Context(), "sns", "create-topic", "--name", "central", "--query", "TopicArn", "--output", "text")
		if err != nil {
			t.Fatal(err)
		}
		webhook, err := local.StartWebhook("/services/T0/B0/secret")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(webhook.Stop)
		if _, err := e.AWS(t.Context(), "ssm", "put-parameter", "--name", "/journey/slack", "--type", "SecureString", "--value", webhook.URL); err != nil {
			t.Fatal(err)
		}
		bucket, table := backend(t, e, "journey-other-state", "journey-other-locks")
		far := abroad(t, e, topic, "journey-other-state/far/terraform.tfstate")
		outputs := deploy(t, today, "everything", everything(table+","+far.arn, bucket, topic))
		sent, err := e.AWS(t.Context(), "ssm", "get-parameter", "--name", "/everything/amazon-q", "--query", "Parameter.Value", "--output", "text")
		if err != nil || !strings.Contains(sent, " T07EA123LEP C07EZ1ABC23 "+topic+" "+outputs["UnlockFunctionName"]+" ") {
			t.Errorf("the stack for Amazon Q gets %q (%v)", sent, err)
		}
		same(t, older, outputs)
		s := scene(t, "everything", outputs)
		s.Topic = topic
		released := make(chan error, 1)
		go func() { released <- far.release(t.Context(), s) }()
		err = s.Play(t.Context()) // its alarm goes back when the lock in the other region is gone too
		err = errors.Join(err, <-released, slackHears(webhook, s.Key), deadLetter(t.Context(), s, webhook, outputs["SlackDeadLettersUrl"]))
		if err := errors.Join(err, s.Delete(t.Context())); err != nil {
			t.Fatal(err)
		}
		retained(t, e, outputs["StateBucketName"], outputs["LockTableName"], s.Key)
	})
	scenario("without a backend of its own, watching by patterns", func(t *testing.T) {
		bucket, table := backend(t, e, "journey-pattern-tfstate", "journey-pattern-locks")
		outputs := deploy(t, today, "patterns", with(map[string]string{
			"CreateBackend": "false", "WatchTableArns": strings.Replace(table, "journey-pattern-locks", "*-pattern-*", 1),
			"WatchBucketArns": strings.Replace(bucket, "journey-pattern-tfstate", "*-pattern-tfstate", 1),
		}))
		s := scene(t, "patterns", outputs)
		s.Backend = fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket         = %q\n    key            = %q\n    region         = %q\n    dynamodb_table = %q\n  }\n}\n",
			"journey-pattern-tfstate", s.Key, local.Region, "journey-pattern-locks")
		play(t, s)
		retained(t, e, "journey-pattern-tfstate", "journey-pattern-locks", s.Key)
	})
	scenario("from a release, without Go and SAM", func(t *testing.T) {
		if err := e.Release(t.Context(), today); err != nil {
			t.Fatal(err)
		}
		if err := e.DeployRelease(t.Context(), filepath.Join(today, "dist"), "released", "journey-releases"); err != nil {
			t.Fatal(err)
		}
		outputs, err := e.Outputs(t.Context(), "released")
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Scan(t.Context(), outputs["MonitorFunctionName"]); err != nil {
			t.Error(err)
		}
		if err := scene(t, "released", outputs).Delete(t.Context()); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
}

// everything returns each parameter another value than its default, but CreateBackend, which
// the scenario without a backend sets.
func everything(table, bucket, topic string) map[string]string {
	return with(map[string]string{
		"WatchTableArns": table, "WatchBucketArns": bucket, "AlertTopicArn": topic, "AlertEmail": "oncall@example.com",
		"WatchKmsKeyArns":     "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555",
		"StuckAfterOverrides": "operation:OperationTypePlan=15m,*/database/**=2h", "RemindEvery": "1m",
		"PrunePaths": "branches/**,!branches/main/**", "PruneAfterDays": "14", "PruneMode": "report", "PruneWithoutDigest": "true", "PruneSchedule": "cron(0 6 ? * MON *)",
		"SlackWebhookParameter": "/journey/slack", "SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23",
		"GitHubTokenParameter": "/journey/github", "GitHubApiUrl": "http://127.0.0.1:9/api/v3", "GitLabTokenParameter": "/journey/gitlab", "GitLabUrl": "http://127.0.0.1:9",
		"StatePaths": "**/*.tfstate,states/**", "InventorySchedule": "rate(2 days)", "ReportSchedule": "cron(0 9 ? * TUE *)",
		"CheckAwsRuns": "true", "AutoRelease": "*/environments/**", "AutoReleaseMode": "release",
		"MetricNamespace": "Journey", "LogRetentionDays": "30", "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/PowerUserAccess",
	})
}

func TestEverythingSetSetsEveryParameter(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(local.Root(), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\nParameters:\n")
	section, _, _ = strings.Cut(section, "\nRules:\n")
	names := regexp.MustCompile(`(?m)^  (\w+):$`).FindAllStringSubmatch(section, -1)
	given := everything("table", "bucket", "topic")
	for _, name := range names {
		if given[name[1]] == "" && name[1] != "CreateBackend" {
			t.Errorf("%s is not set in the scenario with everything set", name[1])
		}
	}
	if len(names) != len(given)+1 {
		t.Errorf("the template has %d parameters, and %d are set", len(names), len(given))
	}
}

// play ends with the deletion of the stack.
func play(t *testing.T, s Scene) {
	t.Helper()
	if err := s.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// same finds an update in place that replaced the backend.
func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	for _, name := range []string{"StateBucketName", "LockTableName"} {
		if before[name] == "" || before[name] != after[name] {
			t.Errorf("%s was %q before the update and is %q after it", name, before[name], after[name])
		}
	}
}

// retained finds a backend that went with its stack.
func retained(t *testing.T, e *Engine, bucket, table, key string) {
	t.Helper()
	if _, err := e.AWS(t.Context(), "s3api", "head-object", "--bucket", bucket, "--key", key); err != nil {
		t.Errorf("the state did not outlive its stack: %v", err)
	}
	if _, err := e.AWS(t.Context(), "dynamodb", "describe-table", "--table-name", table); err != nil {
		t.Errorf("the lock table did not outlive its stack: %v", err)
	}
}

// backend makes a bucket and a table, as a team has them that watches its own, and gives
// their ARNs.
func backend(t *testing.T, e *Engine, bucket, table string) (bucketARN, tableARN string) {
	t.Helper()
	for _, args := range [][]string{
		{"s3api", "create-bucket", "--bucket", bucket, "--create-bucket-configuration", "LocationConstraint=" + local.Region},
		{"s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled"},
		{
			"dynamodb", "create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST",
			"--attribute-definitions", "AttributeName=LockID,AttributeType=S", "--key-schema", "AttributeName=LockID,KeyType=HASH",
		},
	} {
		if _, err := e.AWS(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	return "arn:aws:s3:::" + bucket, "arn:aws:dynamodb:" + local.Region + ":000000000000:table/" + table
}
