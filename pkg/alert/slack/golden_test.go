package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var update = flag.Bool("update", false, "write the sample events and the golden files again")

// stores hold a lock with both halves.
var stores = []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks", "arn:aws:s3:::states"}

var (
	now      = samples.Now
	composer = alert.Composer{
		Version: "1.2.3", Account: "123456789012", Region: "eu-central-1", UnlockFunction: "lockwarden-UnlockFunction-GH7WZ2NMG5OI", PruneFunction: "lockwarden-PruneFunction-B1CD2EF3GH4I",
		Dashboard: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden",
	}
)

// overdue is a lock whose CI run has ended, and that S3's events say who took.
func overdue() policy.Description {
	f, ended := samples.Lock(), now.Add(-14*time.Minute)
	f.Who = "runner@fv-az1234-567"
	f.Witness = &policy.Witness{
		Principal: "AWS:AROAZ7EXAMPLEROLEID01:gh-84213377-9912345678-1", Session: "gh-84213377-9912345678-1", SourceIP: "192.0.2.44", TakenAt: now.Add(-45 * time.Minute),
	}
	f.Run = &policy.Run{Source: policy.GitHub, ID: "9912345678", URL: "https://github.com/acme/infra/actions/runs/9912345678", Status: policy.RunEnded, Ended: &ended, Detail: "cancelled"}
	f.Evidence.Liveness = policy.RunOver
	f.Evidence.Reasons = append([]string{f.Run.Words(now), f.Witness.Words()}, f.Evidence.Reasons...)
	return f
}

// planned are releases that are planned in one scan.
func planned(mode policy.AutoMode, n int) []alert.PlannedRelease {
	var list []alert.PlannedRelease
	for i := range n {
		f := overdue()
		if i > 0 {
			f.Path = fmt.Sprintf("states/team-%d/terraform.tfstate", i%3)
		}
		list = append(list, alert.PlannedRelease{Description: f, Mode: mode, NotBefore: now.Add(5 * time.Minute)})
	}
	return list
}

func pruneReport() alert.PruneReport {
	old := now.AddDate(0, 0, -40)
	r := alert.PruneReport{
		Pruned: 2, Kept: 62, Abandoned: 1, Errors: []string{"arn:aws:s3:::other: access denied"},
		States: []policy.Stale{{
			Path: "states/branches/checkout/terraform.tfstate", Fate: policy.Kept, Reason: policy.KeptHasResources, Why: "it manages 14 resources", LastModified: old,
			ManagedObjects: 14, Types: []policy.TypeCount{{Type: "aws_instance", Count: 9}, {Type: "aws_vpc", Count: 3}, {Type: "aws_eip", Count: 2}},
		}},
	}
	for i := range 2 {
		r.States = append(r.States, policy.Stale{Path: tflock.Path(fmt.Sprintf("states/branches/old-%d/terraform.tfstate", i)), Fate: policy.Pruned, Serial: 7, LastModified: old, VersionID: "v1"})
	}
	for i := range 30 {
		r.States = append(r.States, policy.Stale{Path: tflock.Path(fmt.Sprintf("states/branches/kept-%d/terraform.tfstate", i)), Fate: policy.Kept, Reason: policy.KeptHasOutputs, Why: "it has 2 outputs", LastModified: old})
	}
	return r
}

func week() alert.Week {
	taken, stuck, before, plans, all := 412, 9, 14, int64(14*3600), int64(23*3600)
	return alert.Week{
		From: now.AddDate(0, 0, -7), To: now,
		Locks: alert.WeekLocks{Taken: &taken, Stuck: &stuck, Released: 9, ReleasedBy: []alert.Releaser{
			{Who: "unknown", How: alert.ByUnknown, Count: 5}, {Who: "<!channel> *ana*", How: alert.ByLockwarden, Count: 3}, {Who: "<!here>", How: alert.BySomebodyElse, Count: 1},
		}},
		TimeToResolve: &alert.Resolve{MedianSeconds: 42 * 60, LongestSeconds: 3 * 3600}, WeekBefore: &alert.Before{Taken: &taken, Stuck: &before},
		MostStuck: alert.MostStuck{
			Paths:  []alert.PathCount{{Path: "states/network/production/terraform.tfstate", Count: 4}},
			People: []alert.WhoCount{{Who: "<!here>", Count: 5}},
		},
		LockSeconds: &all, PlanLockSeconds: &plans, States: &alert.WeekStates{Pruned: 4, Abandoned: 2},
	}
}

// sample is a message of the topic: an alert.Event, or a text.
type sample struct {
	subject string
	content any
}

func sampleEvents() map[string]sample {
	alive, unreadable := samples.Lock(), policy.Description{
		Path: "deploy-lock", HeldSince: now.Add(-time.Hour), HeldSeconds: 3600, HeldAtLeastSeconds: 3600, Stores: stores[:1], Holdings: []tflock.Kind{tflock.DynamoDB}, Verdict: policy.Unreadable,
		Evidence: policy.Evidence{Liveness: policy.Unknown, Reasons: []string{tflock.ErrForeign.Error()}},
	}
	alive.Evidence.Liveness = policy.PossiblyLive
	alive.Evidence.Reasons[1] = "the state was written 2m ago, under this lock: the run may be alive"
	var many []policy.Description // a flood under one prefix, and production
	for i := range 300 {
		f := samples.Lock()
		f.Path, f.ID = fmt.Sprintf("states/sandbox/%d/terraform.tfstate", i), fmt.Sprintf("id-%d", i)
		many = append(many, f)
	}
	many = append(many, samples.Lock())
	next, plan := samples.Lock(), samples.Held(4*time.Hour+30*time.Minute)
	next.ID, next.Who = "99999999-8888-7777-6666-555555555555", "bob@desk"
	plan.Operation, plan.Path, plan.ID, plan.Who = "OperationTypePlan", "states/services/checkout/terraform.tfstate", "11111111-2222-3333-4444-555555555555", "runner@fv-az1234-567"
	hostile := samples.Lock()
	hostile.Who = "<!channel> <@U024BE7LH> <https://evil.example|click here> *bold* _it_ ~no~ `code` :rotating_light: &lt;!here&gt;\n> quoted"
	hostile.Path = "states/<!everyone>/```<https://evil.example|terraform.tfstate>"
	hostile.Operation, hostile.Version = "*Apply*\u202e", "<!here>"
	hostile.ID = "x\"}' ; ```<!channel> & `id`"
	hostile.Evidence.Reasons = append(hostile.Evidence.Reasons, "conflict: the same state is also locked by <!channel>\u2028• forged")
	table := alert.Store{ARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks", Since: now.Add(-time.Hour)}
	failing := table
	failing.Problem = table.ARN + ": it does not exist in that account and region: was it deleted, or is its ARN wrong? (ResourceNotFoundException: no table)"
	alarm := func(state, reason string) sample {
		return sample{fmt.Sprintf("%s: \"lockwarden-NoScanAlarm-1ABC\" in EU (Frankfurt)", state), map[string]any{
			"AlarmName":        "lockwarden-NoScanAlarm-1ABC",
			"AlarmDescription": "The monitor has not finished a scan for three periods, so nobody watches the locks. Look at its log and schedule.",
			"AWSAccountId":     "123456789012", "NewStateValue": state, "NewStateReason": reason, "StateChangeTime": "2026-11-23T12:00:00.123+0000", "Region": "EU (Frankfurt)",
			"AlarmArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:lockwarden-NoScanAlarm-1ABC", "OldStateValue": "INSUFFICIENT_DATA",
			"AlarmActions": []string{"arn:aws:sns:eu-central-1:123456789012:lockwarden"},
			"Trigger":      map[string]any{"MetricName": "LocksHeld", "Namespace": "Lockwarden", "Statistic": "SAMPLE_COUNT", "Period": 300, "EvaluationPeriods": 3, "Threshold": 1},
		}}
	}
	event := func(e alert.Event) sample { return sample{e.Subject, alert.Fit(e)} }
	return map[string]sample{
		"lock-stuck":                  event(composer.Lock(alert.LockStuck, samples.Lock(), 1, now)),
		"lock-stuck-alive":            event(composer.Lock(alert.LockStuck, alive, 1, now)),
		"lock-stuck-hostile":          event(composer.Lock(alert.LockStuck, hostile, 1, now)),
		"lock-stuck-many":             event(composer.Summary(alert.LockStuck, many, alert.Warning, now)),
		"lock-stuck-ended":            event(composer.Lock(alert.LockStuck, overdue(), 1, now)),
		"lock-release_planned":        event(composer.Planned(planned(policy.AutoRelease, 1), now)),
		"lock-release_planned-report": event(composer.Planned(planned(policy.AutoReport, 1), now)),
		"lock-release_planned-many":   event(composer.Planned(planned(policy.AutoRelease, 12), now)),
		"lock-released-automatically": event(composer.Released(overdue(), alert.Release{Outcome: alert.Whole, RequestedBy: policy.AutoRequester, Reason: overdue().Run.Words(now)}, now)),
		"auto-paused":                 event(composer.AutoPaused(2, now)),
		"lock-reminder":               event(composer.Lock(alert.LockReminder, samples.Held(4*time.Hour+30*time.Minute), 2, now)),
		"lock-reminder-critical":      event(composer.Lock(alert.LockReminder, samples.Held(52*time.Hour), 3, now)),
		"lock-resolved":               event(composer.Lock(alert.LockResolved, samples.Held(3*time.Hour+12*time.Minute), 1, now).By("ana", "laptop died")),
		"lock-reminder-shared":        event(composer.Summary(alert.LockReminder, []policy.Description{samples.Held(52 * time.Hour), plan, hostile}, alert.Critical, now)),
		"state-finding":               event(composer.StateFindings(alert.StateFinding, samples.Findings()[1:2], now)),
		"state-finding-many":          event(composer.StateFindings(alert.StateFinding, samples.Findings(), now)),
		"state-finding-resolved":      event(composer.StateFindings(alert.StateFindingResolved, samples.Findings()[:2], now)),
		"lock-resolved-shared":        event(composer.Shared(alert.LockResolved, []alert.Item{{Description: samples.Lock(), Current: &next}, {Description: plan}}, alert.Info, now)),
		"lock-resolved-and-again":     event(composer.Lock(alert.LockResolved, samples.Held(3*time.Hour+12*time.Minute), 1, now).NowLockedBy(next)),
		"lock-unreadable-shared":      event(composer.Summary(alert.LockUnreadable, []policy.Description{unreadable, unreadable}, alert.Warning, now)),
		"lock-released-half":          event(composer.Released(samples.Lock(), alert.Release{Outcome: alert.Partly, RequestedBy: "ana", Reason: "laptop died"}, now)),
		"lock-released-gone":          event(composer.Released(samples.Lock(), alert.Release{Outcome: alert.Gone, RequestedBy: "ana", Reason: "laptop died"}, now)),
		"scan-failed-shared":          event(composer.Scan(alert.ScanFailed, alert.Critical, []alert.Store{failing, {ARN: "arn:aws:s3:::states", Problem: "access denied", Since: now.Add(-time.Hour)}}, now)),
		"alarm-no-data":               alarm("INSUFFICIENT_DATA", "Insufficient Data: 1 datapoint was unknown."),
		"lock-released":               event(composer.Released(samples.Lock(), alert.Release{Outcome: alert.Whole, RequestedBy: "ana", Reason: "laptop died"}, now)),
		"lock-refused":                event(composer.Refused(samples.Lock(), "ana", "the state was written 2m ago: somebody is working on it (guard 10m)", now)),
		"lock-unreadable":             event(composer.Lock(alert.LockUnreadable, unreadable, 1, now)),
		"scan-failed":                 event(composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{failing}, now)),
		"scan-recovered":              event(composer.Scan(alert.ScanRecovered, alert.Info, []alert.Store{table}, now)),
		"prune-report":                event(composer.Prune(pruneReport(), now)),
		"state-repaired":              event(composer.Repaired(samples.Repair(), now)),
		"report-weekly":               event(composer.Weekly(week(), now)),
		"alarm":                       alarm("ALARM", "Threshold Crossed: 3 datapoints were less than the threshold (1.0)."),
		"alarm-ok":                    alarm("OK", "Threshold Crossed: 1 datapoint [1.0] was not less than the threshold (1.0)."),
		"text":                        {"Maintenance", "The state bucket moves tonight.\nNo applies between 22:00 and 23:00, <!channel>."},
		"text-of-a-later-event":       {"", `{"version":"1","type":"lock.moved","severity":"info","time":"2026-11-23T12:00:00Z","account":"123456789012","region":"eu-central-1","text":"The lock moved.","actions":{}}`},
	}
}

// Each sample event is one that SNS delivers, and becomes the post in its golden file.
func TestSampleEvents(t *testing.T) {
	all := sampleEvents()
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "slack-*.json"))
	if err != nil || (len(files) != len(all) && !*update) {
		t.Fatalf("%d sample events for %d cases, %v", len(files), len(all), err)
	}
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(local.Root(), "events", "slack-"+name+".json")
			same(t, file, indented(t, s.delivered(t)))
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var event events.SNSEvent
			if err := json.Unmarshal(payload, &event); err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			if err := w.Handle(t.Context(), event); err != nil || len(w.channel.posts) != 1 {
				t.Fatalf("%d posts, %v", len(w.channel.posts), err)
			}
			same(t, filepath.Join("testdata", name+".golden"), indented(t, json.RawMessage(w.channel.posts[0])))
			mustFit(t, []byte(w.channel.posts[0]))
		})
	}
}

// delivered is the sample as Lambda gets it from SNS.
func (s sample) delivered(t *testing.T) events.SNSEvent {
	t.Helper()
	text, ok := s.content.(string)
	if !ok {
		raw, err := json.Marshal(s.content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	attributes := map[string]any{}
	if e, ok := s.content.(alert.Event); ok {
		for name, value := range map[string]string{"type": string(e.Type), "severity": string(e.Severity)} {
			attributes[name] = map[string]any{"Type": "String", "Value": value}
		}
	}
	return events.SNSEvent{Records: []events.SNSEventRecord{{
		EventVersion: "1.0", EventSource: "aws:sns", EventSubscriptionArn: "arn:aws:sns:eu-central-1:123456789012:lockwarden:0d1b2c3d",
		SNS: events.SNSEntity{
			Type: "Notification", MessageID: "95df01b4-ee98-5cb9-9903-4c221d41eb5e", TopicArn: "arn:aws:sns:eu-central-1:123456789012:lockwarden",
			Subject: s.subject, Message: text, Timestamp: now, SignatureVersion: "1", MessageAttributes: attributes,
		},
	}}}
}

// same compares with a file, or writes it.
func same(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run `go test ./pkg/alert/slack -update` and read what it wrote", err)
	}
	if !slices.Equal(want, got) {
		t.Error(cmp.Diff(string(want), string(got)))
	}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back any
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(back); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
