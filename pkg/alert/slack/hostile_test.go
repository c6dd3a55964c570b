package slack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// hostile texts try Slack's markup, and everything that ends a line or a string.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		bits := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{
				"<!channel>", "<!here>", "<@U024BE7LH>", "<#C024BE7LR>", "<!subteam^S1>", "<https://evil.example|State object>", "https://evil.example",
				"*", "_", "~", "`", "```", "&", "&lt;!channel&gt;", "&amp;", "<", ">", "|", ":rotating_light:", "@channel", "\n", "\r", "\x00", "\x1b", "\u2028", "\u202e", "\u200b", "\u00a0", "😀", "\xff", "\"", "'", "$(id)", "%s", "•",
			}), rapid.String(),
		), 0, 12).Draw(t, "bits")
		return strings.Repeat(strings.Join(bits, ""), rapid.SampledFrom([]int{1, 1, 1, 1, 20, 80}).Draw(t, "times"))
	})
}

func TestNoContentBreaksALimitOrForgesMarkup(t *testing.T) {
	text := hostile()
	renderer := slack.Renderer{Dashboard: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string { return text.Draw(t, what) }
		described := func() policy.Description {
			f := samples.Lock()
			f.ID, f.Who, f.Operation, f.Version, f.Path = draw("id"), draw("who"), draw("operation"), draw("version"), "states/"+draw("key")
			f.Witness = &policy.Witness{Principal: draw("principal"), Session: draw("session"), SourceIP: draw("address"), TakenAt: f.HeldSince}
			f.Run = &policy.Run{
				Source: policy.RunSource(draw("source")), ID: draw("run"), URL: draw("page"), Detail: draw("detail"), Ended: &f.HeldSince,
				Status: rapid.SampledFrom([]policy.RunStatus{policy.RunEnded, policy.RunInProgress, policy.RunUnknown}).Draw(t, "status"),
			}
			if rapid.Bool().Draw(t, "no bucket") {
				f.Path = draw("path")
			}
			f.Holdings = rapid.SliceOfN(rapid.SampledFrom([]tflock.Kind{tflock.DynamoDB, tflock.S3, tflock.Kind(draw("kind"))}), 0, 2).Draw(t, "holdings")
			f.Evidence.Liveness, f.Evidence.Reasons = policy.Liveness(draw("liveness")), rapid.SliceOfN(text, 0, 30).Draw(t, "reasons")
			f.Evidence.Reasons = append([]string{f.Witness.Words(), f.Run.Words(now)}, f.Evidence.Reasons...)
			f.Verdict = rapid.SampledFrom([]policy.Verdict{policy.Stuck, policy.Unreadable}).Draw(t, "verdict")
			return f
		}
		composer := composer
		composer.Region = rapid.SampledFrom([]string{"eu-central-1", "eu-central-1", draw("region")}).Draw(t, "region")
		var e alert.Event
		switch kind := rapid.SampledFrom([]alert.Type{
			alert.LockStuck, alert.LockReminder, alert.LockResolved, alert.LockUnreadable, alert.LockReleased, alert.LockRefused,
			alert.LockReleasePlanned, alert.ScanFailed, alert.ScanRecovered, alert.PruneReported, alert.StateRepaired, "summary", "forged",
		}).Draw(t, "type"); kind {
		case alert.LockReleased:
			e = composer.Released(described(), alert.Release{Outcome: alert.Whole, RequestedBy: draw("asker"), Reason: draw("reason"), Forced: true}, now)
		case alert.LockResolved:
			e = composer.Lock(kind, described(), 1, now).RemovedBy(policy.Removal{Principal: draw("remover"), Session: draw("remover's session"), SourceIP: draw("address"), RemovedAt: now})
		case alert.LockReleasePlanned:
			e = composer.Planned([]alert.PlannedRelease{{Description: described(), Mode: policy.AutoRelease, NotBefore: now}}, now)
		case alert.LockRefused:
			e = composer.Refused(described(), draw("asker"), draw("why"), now)
		case alert.ScanFailed, alert.ScanRecovered:
			e = composer.Scan(kind, alert.Warning, []alert.Store{{ARN: draw("arn"), Problem: draw("problem")}, {ARN: draw("arn")}}, now)
		case alert.PruneReported:
			r := alert.PruneReport{Pruned: 9, Kept: 99, Errors: []string{draw("error")}}
			for i := range rapid.IntRange(0, 60).Draw(t, "states") {
				r.States = append(r.States, policy.Stale{
					Path: tflock.Path(draw("path")), Why: draw("why"), Reason: policy.KeptReason(draw("reason")), ManagedObjects: i % 3, LastModified: now,
					Fate: []policy.Fate{policy.Kept, policy.Pruned}[i%2], Types: []policy.TypeCount{{Type: draw("type"), Count: 1}},
				})
			}
			e = composer.Prune(r, now)
		case alert.StateRepaired:
			facts := policy.StateAndDigests{StateMD5: draw("md5"), VersionID: draw("version"), Digests: map[string]string{draw("table"): draw("digest"), draw("table 2"): draw("digest")}}
			e = composer.Repaired(alert.Repair{Path: draw("path"), Action: policy.RestoreVersion, VersionID: draw("version"), RequestedBy: draw("who"), Reason: draw("reason"), Before: facts, After: facts}, now)
		case "summary":
			e = composer.Summary(alert.LockStuck, []policy.Description{described(), described(), described()}, alert.Critical, now)
			for len(e.Locks) < 200 {
				e.Locks = append(e.Locks, e.Locks...)
			}
			for i := range 60 {
				e.Prefixes = append(e.Prefixes, alert.Prefix{Prefix: fmt.Sprint(draw("prefix"), i), Locks: i})
			}
		case "forged": // by somebody who may publish to the topic
			f := described()
			e = composer.Lock(alert.Type(draw("type")), f, 1, now)
			e.Severity, e.Text, e.Account = alert.Severity(draw("severity")), draw("text"), draw("account")
			e.Actions = alert.Actions{Unlock: draw("command")}
			e.Time = time.Unix(rapid.Int64Range(-6e10, 2.5e11).Draw(t, "time"), 0)
		default:
			e = composer.Lock(kind, described(), rapid.IntRange(1, 9).Draw(t, "notified"), now)
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		mustFit(t, marshalled(t, renderer, draw("subject"), string(raw)))
	})
}

func TestNoAlarmOrTextBreaksALimitOrForgesMarkup(t *testing.T) {
	text := hostile()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string { return text.Draw(t, what) }
		body := draw("body")
		if rapid.Bool().Draw(t, "alarm") {
			raw, err := json.Marshal(map[string]string{
				"AlarmName": draw("name"), "AlarmDescription": draw("description"), "NewStateValue": draw("state"), "NewStateReason": draw("reason"),
				"StateChangeTime": draw("time"), "AWSAccountId": draw("account"), "AlarmArn": "arn:aws:cloudwatch:" + rapid.SampledFrom([]string{"eu-central-1", draw("region")}).Draw(t, "in") + ":123456789012:alarm:x",
			})
			if err != nil {
				t.Fatal(err)
			}
			body = string(raw)
		}
		mustFit(t, marshalled(t, slack.Renderer{}, draw("subject"), body))
	})
}

// An ID that somebody wrote to break out of a command is in none, and Slack says how to
// release the lock all the same.
func TestHostileIDsAreInNoCommand(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "hostile-ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]any
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 5 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	cases["a fence"], cases["a line break"], cases["a direction character"] = "```\n*x*", "x\ntouch executed", "x\u202etouch"
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			f := samples.Lock()
			if fields, ok := id.(map[string]any); ok {
				id = fields["ID"]
			}
			f.ID = fmt.Sprint(id)
			for _, e := range []alert.Event{
				composer.Lock(alert.LockStuck, f, 1, now), composer.Lock(alert.LockReminder, f, 3, now),
				composer.Summary(alert.LockReminder, []policy.Description{f, f}, alert.Warning, now),
			} {
				shown := shownFor(t, e)
				if form := e.Actions.UnlockForm; form != "" {
					shown = strings.ReplaceAll(shown, form, "")
				}
				if strings.Contains(shown, "lambda invoke") || strings.Contains(shown, "force-unlock") || !strings.Contains(shown, "ress Release") {
					t.Errorf("got %s", shown)
				}
			}
		})
	}
}
