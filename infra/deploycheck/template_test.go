package deploycheck_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
)

const account = "123456789012"

// regions are one of each partition, and those with the longest names.
var regions = []string{"us-east-1", "eu-central-1", "ap-southeast-1", "us-gov-west-1", "cn-northwest-1"}

// whole and chat are template.yaml and the stack nested in it.
var (
	whole = transformed("template.yaml")
	chat  = transformed("infra", "chat", "amazon-q.yaml")
)

func transformed(path ...string) func(t *testing.T) (deploycheck.Template, []byte) {
	made := sync.OnceValues(func() ([]byte, error) {
		return local.Transform(context.Background(), filepath.Join(append([]string{local.Root()}, path...)...))
	})
	return func(t *testing.T) (deploycheck.Template, []byte) {
		t.Helper()
		local.Need(t, local.Services)
		text, err := made()
		if err != nil {
			t.Fatal(err)
		}
		template, err := deploycheck.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return template, text
	}
}

func evaluate(t *testing.T, template deploycheck.Template, place deploycheck.Place) deploycheck.Deployed {
	t.Helper()
	if place.Account == "" {
		place.Account = account
	}
	if place.Stack == "" {
		place.Stack = "lockwarden"
	}
	d, err := deploycheck.Evaluate(template, place)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// many are so many ARNs of tables or buckets with names of so many characters.
func many(kind, region string, n, length int) string {
	prefix := arnPrefix(kind, region)
	var all []string
	for i := range n {
		all = append(all, prefix+fmt.Sprintf("%0*d", length, i))
	}
	return strings.Join(all, ",")
}

func arnPrefix(kind, region string) string {
	partition := deploycheck.Place{Region: region}.Partition()
	switch kind {
	case "table":
		return "arn:" + partition + ":dynamodb:" + region + ":" + account + ":table/"
	case "key":
		return "arn:" + partition + ":kms:" + region + ":" + account + ":key/"
	default:
		return "arn:" + partition + ":s3:::"
	}
}

// deployments are the ways to deploy the template in a region.
func deployments(region string) map[string]map[string]string {
	partition := deploycheck.Place{Region: region}.Partition()
	tables, buckets := many("table", region, 20, 40), many("bucket", region, 20, 40)
	topic := "arn:" + partition + ":sns:" + region + ":" + account + ":alerts"
	everything := map[string]string{
		"WatchTableArns": tables, "WatchBucketArns": buckets, "WatchKmsKeyArns": many("key", region, 7, 36), "AlertTopicArn": topic,
		"StuckAfterOverrides": "operation:OperationTypePlan=15m,*/production/**=2h", "AlertEmail": "a@example.com", "SlackWebhookParameter": "/lockwarden/slack",
		"SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23", "PruneWithoutDigest": "true",
		"GitHubTokenParameter": "/lockwarden/github", "GitHubApiUrl": "https://github.example.com/api/v3", "GitLabTokenParameter": "lockwarden-gitlab", "GitLabUrl": "https://gitlab.example.com:8443/ci/",
		"CheckAwsRuns": "true", "AutoRelease": "*/environments/**,operation:OperationTypePlan", "AutoReleaseMode": "release",
		"PermissionsBoundaryArn": "arn:" + partition + ":iam::" + account + ":policy/boundary",
	}
	if partition != "aws" {
		delete(everything, "SlackWorkspaceId")
		delete(everything, "SlackChannelId")
	}
	reports := maps.Clone(everything)
	reports["PruneMode"], reports["AlertTopicArn"] = "report", ""
	return map[string]map[string]string{
		"defaults": nil, "everything": everything, "reports only": reports,
		"20 tables and 20 buckets": {"WatchTableArns": tables, "WatchBucketArns": buckets},
		"tables alone":             {"CreateBackend": "false", "WatchTableArns": tables},
		"buckets alone":            {"CreateBackend": "false", "WatchBucketArns": buckets},
		"patterns":                 {"CreateBackend": "false", "WatchTableArns": arnPrefix("table", region) + "tf-locks-*", "WatchBucketArns": arnPrefix("bucket", region) + "*-tfstate"},
		"GitHub alone":             {"GitHubTokenParameter": "github-token"},
		"lockfiles and GitLab":     {"CreateBackend": "false", "WatchBucketArns": buckets, "GitLabTokenParameter": "/ci/gitlab"},
		"automatic release":        {"CreateBackend": "false", "WatchTableArns": tables, "CheckAwsRuns": "true", "AutoRelease": "**", "AutoReleaseMode": "release"},
		"automatic reports":        {"GitHubTokenParameter": "github-token", "AutoRelease": "**"},
		"an old bucket":            {"WatchBucketArns": arnPrefix("bucket", region) + "Acme_States"},
	}
}

// The first deploy works, in every partition, however the stack is deployed.
func TestTheTemplateDeploysEverywhere(t *testing.T) {
	template, text := whole(t)
	report(t, deploycheck.TemplateSizes(template, text))
	report(t, deploycheck.Wordless(template))
	nested, _ := chat(t)
	for _, region := range regions {
		for name, parameters := range deployments(region) {
			t.Run(region+" "+name, func(t *testing.T) {
				report(t, deploycheck.Refused(template, parameters))
				place := deploycheck.Place{Region: region, Parameters: parameters}
				d := evaluate(t, template, place)
				report(t, deploycheck.All(d))
				for _, stack := range d.Of("AWS::CloudFormation::Stack") {
					inner := map[string]string{}
					for parameter, value := range d.Resources[stack].Properties["Parameters"].(map[string]any) {
						inner[parameter] = fmt.Sprint(value)
					}
					report(t, deploycheck.All(evaluate(t, nested, deploycheck.Place{Region: region, Parameters: inner})))
				}
			})
		}
	}
}

func report(t *testing.T, problems []deploycheck.Problem) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// The command that the stack prints works as it is pasted, with AWS CLI v2: it waits
// longer than the function may take, and truncates no log.
func TestThePrintedCommandWorks(t *testing.T) {
	template, _ := whole(t)
	d := evaluate(t, template, deploycheck.Place{Region: "us-east-1"})
	command := fmt.Sprint(d.Outputs["UnlockCommand"])
	for _, want := range []string{"--region us-east-1 ", " --function-name lockwarden-UnlockFunction-", " --cli-binary-format raw-in-base64-out ", ` "${lockwarden:=$(mktemp)}" >/dev/null && cat "$lockwarden"`} {
		if !strings.Contains(command, want) {
			t.Errorf("it lacks %q: %s", want, command)
		}
	}
	_, rest, _ := strings.Cut(command, "--cli-read-timeout ")
	var seconds float64
	if _, err := fmt.Sscan(rest, &seconds); err != nil || seconds <= d.Resources["UnlockFunction"].Properties["Timeout"].(float64) {
		t.Errorf("the CLI gives up before the function, and invokes it again: %s", command)
	}
	if strings.Contains(command, "/dev/stdout") {
		t.Error(command)
	}
	// A text is between a shell's quotes here, and whoever took a lock wrote some of it.
	if said := template.Outputs["UnlockCommand"].Description; !strings.Contains(said, "Never put an error's text there") || !strings.Contains(said, "lockwarden unlock") {
		t.Errorf("it does not say what to do with an error: %s", said)
	}
}
