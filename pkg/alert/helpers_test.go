package alert_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var (
	update   = flag.Bool("update", false, "write the golden files again")
	now      = samples.Now
	composer = alert.Composer{
		Version: "1.2.3", Account: "123456789012", Region: "eu-central-1", UnlockFunction: "lockwarden-unlock", PruneFunction: "lockwarden-prune",
		Dashboard: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden-eu-central-1",
	}
)

// witnessed is a lock of which S3's events say who took it.
func witnessed(session, address string) policy.Description {
	f := samples.Lock()
	f.Who = "runner@fv-az1234-567"
	f.Witness = &policy.Witness{Principal: "AWS:AROAZ7EXAMPLEROLEID01:" + session, Session: session, SourceIP: address, TakenAt: now.Add(-45 * time.Minute)}
	f.Evidence.Reasons = append([]string{f.Witness.Words()}, f.Evidence.Reasons...)
	return f
}

// removal is by that session, a minute ago.
func removal(session string) policy.Removal {
	return policy.Removal{Principal: "AWS:AROAZ7EXAMPLEROLEID02:" + session, Session: session, RemovedAt: now.Add(-time.Minute)}
}

func foreign() policy.Description {
	return policy.Description{
		Path: "deploy-lock", HeldSince: now.Add(-time.Hour), HeldSeconds: 3600, Holdings: []tflock.Kind{tflock.DynamoDB},
		Stores: []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks"}, Verdict: policy.Unreadable,
		Evidence: policy.Evidence{Liveness: policy.Unknown, Reasons: []string{tflock.ErrForeign.Error()}},
	}
}

// flood is 300 locks that somebody made under one prefix, and one of production.
func flood() []policy.Description {
	var all []policy.Description
	for i := range 300 {
		f := samples.Lock()
		f.Path, f.ID, f.Who = fmt.Sprintf("states/sandbox/%d/terraform.tfstate", i), fmt.Sprintf("id-%d", i), "mallory@host"
		all = append(all, f)
	}
	production := samples.Lock()
	production.Path = "states/production/terraform.tfstate"
	return append(all, production)
}

func pruneReport() alert.PruneReport {
	old := now.AddDate(0, 0, -40)
	return alert.PruneReport{
		Pruned: 1, Kept: 62, Abandoned: 1, Errors: []string{"arn:aws:s3:::other: access denied"},
		States: []policy.Stale{
			{Path: "states/branches/a/terraform.tfstate", Fate: policy.Pruned, Serial: 7, Lineage: "c1d0", LastModified: old, VersionID: "v1"},
			{Path: "states/branches/feature-with-a-long-name/terraform.tfstate", Fate: policy.Kept, Reason: policy.KeptHasOutputs, Why: "it has 2 outputs", LastModified: old},
			{
				Path: "states/branches/b/terraform.tfstate", Fate: policy.Kept, Reason: policy.KeptHasResources, Why: "it manages 14 resources", LastModified: old,
				ManagedObjects: 14, Types: []policy.TypeCount{{Type: "aws_instance", Count: 9}, {Type: "aws_vpc", Count: 3}, {Type: "aws_eip", Count: 1}, {Type: "aws_ami", Count: 1}},
			},
		},
	}
}

// hostileSession is what no role's session can be called, and what an event may say all the same.
const hostileSession = "<!channel> <@U024BE7LH> <https://evil.example|click> *bold* `id` $(touch executed)\n\u202eforged: line"

func repairByVersion() alert.Repair {
	r := samples.Repair()
	r.Action, r.VersionID, r.RequestedBy, r.Reason = policy.RestoreVersion, "v6", "", "the last apply destroyed too much"
	r.After.VersionID, r.After.Serial = "v8", nil
	return r
}

func repairInPart() alert.Repair {
	r := samples.Repair()
	r.Stopped = "AWS refused a write: access denied. Written: the digest in table locks is 0123 now, and was 4567. Left: the digest in table other is 4567"
	return r
}

// working is a lock whose CI run is in progress.
func working() policy.Description {
	f := overdue()
	f.Run.Status, f.Run.Ended, f.Run.Detail, f.Evidence.Liveness = policy.RunInProgress, nil, "waiting", policy.PossiblyLive
	f.Evidence.Reasons[0] = f.Run.Words(now)
	return f
}

// overdue is a lock whose CI run has ended.
func overdue() policy.Description {
	f, ended := samples.Lock(), now.Add(-14*time.Minute)
	run := policy.Run{Source: policy.GitHub, ID: "9912345678", URL: "https://github.com/acme/infra/actions/runs/9912345678", Status: policy.RunEnded, Ended: &ended, Detail: "cancelled"}
	f.Run, f.Evidence.Liveness = &run, policy.RunOver
	f.Evidence.Reasons = append([]string{run.Words(now)}, f.Evidence.Reasons...)
	return f
}

// planned are n locks whose releases are planned, or would be.
func planned(mode policy.AutoMode, n int) []alert.PlannedRelease {
	var list []alert.PlannedRelease
	for i := range n {
		f := overdue()
		if n > 1 {
			f.Path = fmt.Sprintf("states/team-%d/terraform.tfstate", i%3)
		}
		list = append(list, alert.PlannedRelease{Description: f, Mode: mode, NotBefore: now.Add(5 * time.Minute)})
	}
	return list
}

// events are one of each kind that people can receive.
func events() map[string]alert.Event {
	live, plan, next := samples.Lock(), samples.Held(4*time.Hour+30*time.Minute), samples.Lock()
	live.Evidence.Liveness = policy.PossiblyLive
	live.Evidence.Reasons[1] = "the state was written 2m ago, under this lock: the run may be alive"
	plan.Operation, plan.Path, plan.ID, plan.Who = "OperationTypePlan", "states/services/checkout/terraform.tfstate", "11111111-2222-3333-4444-555555555555", "runner@fv-az1234-567"
	next.ID, next.Who = "99999999-8888-7777-6666-555555555555", "bob@desk"
	hostile := samples.Lock()
	hostile.ID, hostile.Who = "`x` ; touch executed ; echo `", "<!channel> <@U024BE7LH> <https://evil.example|click here>"
	unknown := samples.Lock()
	unknown.Who, unknown.Evidence.Liveness = "", policy.Unknown
	garbled := foreign()
	garbled.Path, garbled.Stores, garbled.Holdings = "states/network/staging/terraform.tfstate", []string{"arn:aws:s3:::states"}, []tflock.Kind{tflock.S3}
	garbled.Evidence.Reasons = []string{tflock.ErrNotLockInfo.Error()}
	table := alert.Store{ARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks", Since: now.Add(-time.Hour)}
	failing := table
	failing.Problem = table.ARN + ": it does not exist in that account and region: was it deleted, or is its ARN wrong? (ResourceNotFoundException: no table)"
	bucket := alert.Store{ARN: "arn:aws:s3:::states", Problem: "arn:aws:s3:::states: access denied", Since: now.Add(-2 * time.Hour)}
	deleted := alert.Store{ARN: table.ARN, Problem: table.ARN + ": it matched a pattern until now, and no longer exists", Since: now.Add(-5 * time.Minute), Absent: alert.Deleted}
	unmatched := alert.Store{ARN: "arn:aws:s3:::*-tfstate", Problem: "arn:aws:s3:::*-tfstate: it matches nothing yet", Absent: alert.Unmatched}
	unsafe := alert.Store{ARN: bucket.ARN, Unsafe: true, Problem: bucket.ARN + ": it ignores the condition of a delete, so a lock that somebody takes at that moment would be deleted in place of this one"}
	unsafeTable := alert.Store{ARN: table.ARN, Unsafe: true, Problem: table.ARN + ": it ignores the condition of a write, so a second client overwrites the lock of the first, and both believe that they hold it"}
	nothing := pruneReport()
	nothing.Pruned, nothing.Errors, nothing.States = 0, nil, nothing.States[1:]
	report := pruneReport()
	report.Pruned, report.WouldPrune = 0, 1
	report.States[0].Fate = policy.WouldPrune
	return map[string]alert.Event{
		"lock-stuck-in-progress":      composer.Lock(alert.LockStuck, working(), 1, now),
		"lock-stuck-ended":            composer.Lock(alert.LockStuck, overdue(), 1, now),
		"lock-release-planned":        composer.Planned(planned(policy.AutoRelease, 1), now),
		"lock-release-planned-report": composer.Planned(planned(policy.AutoReport, 1), now),
		"lock-release-planned-many":   composer.Planned(planned(policy.AutoRelease, 12), now),
		"auto-paused":                 composer.AutoPaused(4, now),
		"lock-stuck":                  composer.Lock(alert.LockStuck, samples.Lock(), 1, now),
		"lock-stuck-alive":            composer.Lock(alert.LockStuck, live, 1, now),
		"lock-stuck-plan":             composer.Lock(alert.LockStuck, plan, 1, now),
		"lock-stuck-unknown":          composer.Lock(alert.LockStuck, unknown, 1, now),
		"lock-stuck-hostile":          composer.Lock(alert.LockStuck, hostile, 1, now),
		"lock-stuck-many":             composer.Summary(alert.LockStuck, flood(), alert.Warning, now),
		"lock-stuck-witnessed":        composer.Lock(alert.LockStuck, witnessed("gh-84213377-9912345678-1", "192.0.2.44"), 1, now),
		"lock-stuck-session":          composer.Lock(alert.LockStuck, witnessed(hostileSession, "<script>alert(1)</script>"), 1, now),
		"lock-resolved-witnessed":     composer.Lock(alert.LockResolved, witnessed("gh-84213377-9912345678-1", "192.0.2.44"), 1, now).RemovedBy(removal("ana@example.com")),
		"lock-reminder":               composer.Lock(alert.LockReminder, samples.Held(4*time.Hour+30*time.Minute), 2, now),
		"lock-reminder-critical":      composer.Lock(alert.LockReminder, samples.Held(52*time.Hour), 3, now),
		"lock-reminder-shared":        composer.Summary(alert.LockReminder, []policy.Description{samples.Held(52 * time.Hour), plan, hostile}, alert.Critical, now),
		"lock-resolved":               composer.Lock(alert.LockResolved, samples.Lock(), 1, now),
		"lock-resolved-by-us":         composer.Lock(alert.LockResolved, samples.Lock(), 1, now).By("ana", "laptop died"),
		"lock-resolved-and-again":     composer.Lock(alert.LockResolved, samples.Lock(), 1, now).NowLockedBy(next),
		"state-finding-mismatch":      composer.StateFindings(alert.StateFinding, samples.Findings()[1:2], now),
		"state-finding-mixed":         composer.StateFindings(alert.StateFinding, samples.Findings()[:1], now),
		"state-finding-duplicate":     composer.StateFindings(alert.StateFinding, samples.Findings()[3:4], now),
		"state-finding-reused":        composer.StateFindings(alert.StateFinding, samples.Findings()[6:], now),
		"state-finding-many":          composer.StateFindings(alert.StateFinding, samples.Findings(), now),
		"state-finding-resolved":      composer.StateFindings(alert.StateFindingResolved, samples.Findings()[1:2], now),
		"lock-resolved-shared": composer.Shared(alert.LockResolved, []alert.Item{
			{Description: samples.Lock(), Current: &next}, {Description: plan, Release: &alert.Release{Outcome: alert.Whole, RequestedBy: "ana", Reason: "laptop died"}},
		}, alert.Info, now),
		"lock-unreadable":          composer.Lock(alert.LockUnreadable, foreign(), 1, now),
		"lock-unreadable-object":   composer.Lock(alert.LockUnreadable, garbled, 1, now),
		"lock-unreadable-shared":   composer.Summary(alert.LockUnreadable, []policy.Description{foreign(), garbled}, alert.Warning, now),
		"lock-released":            composer.Released(samples.Lock(), alert.Release{Outcome: alert.Whole, RequestedBy: "ana", Reason: "laptop died"}, now),
		"lock-released-forced":     composer.Released(live, alert.Release{Outcome: alert.Whole, Forced: true}, now),
		"lock-released-half":       composer.Released(samples.Lock(), alert.Release{Outcome: alert.Partly, RequestedBy: "ana", Reason: "laptop died"}, now),
		"lock-released-gone":       composer.Released(samples.Lock(), alert.Release{Outcome: alert.Gone, RequestedBy: "ana", Reason: "laptop died"}, now),
		"scan-crowded":             composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{{ARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks", Problem: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks: under my-states/team-a/ are more locks than one scan can read, so not all of them were seen; everything else was read. No team holds so many at once: find out who writes them", Since: now.Add(-time.Hour), Crowded: true}}, now),
		"scan-withheld":            composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{{ARN: "arn:aws:s3:::my-states", Problem: "arn:aws:s3:::my-states: S3 failed to give a lock object under my-states/team-a/, so it is not known which locks there are held; everything outside of that prefix was read. Cause: InternalError: We encountered an internal error. Please try again.", Since: now.Add(-time.Hour), Crowded: true, Withheld: true}}, now),
		"lock-released-unknown":    composer.Released(samples.Lock(), alert.Release{Outcome: alert.Unknown, RequestedBy: "ana", Reason: "laptop died", Why: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks is not watched any more"}, now),
		"lock-released-half-known": composer.Released(samples.Lock(), alert.Release{Outcome: alert.Partly, RequestedBy: "ana", Reason: "laptop died", Why: "what is in its place in arn:aws:s3:::states cannot be read: it is archived"}, now),
		"lock-refused-unreadable":  composer.Refused(garbled, "ana", "it cannot be read", now),
		"lock-refused":             composer.Refused(live, "ana", "the state was written 2m ago", now),
		"scan-failed":              composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{failing}, now),
		"scan-failed-shared":       composer.Scan(alert.ScanFailed, alert.Critical, []alert.Store{failing, bucket}, now),
		"scan-deleted":             composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{deleted}, now),
		"scan-unmatched":           composer.Scan(alert.ScanFailed, alert.Info, []alert.Store{unmatched}, now),
		"scan-unsafe":              composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{unsafe}, now),
		"scan-unsafe-shared":       composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{unsafeTable, unsafe}, now),
		"scan-recovered":           composer.Scan(alert.ScanRecovered, alert.Info, []alert.Store{table}, now),
		"prune-report":             composer.Prune(pruneReport(), now),
		"state-repaired":           composer.Repaired(samples.Repair(), now),
		"state-repaired-in-part":   composer.Repaired(repairInPart(), now),
		"state-restored":           composer.Repaired(repairByVersion(), now),
		"prune-report-nothing":     composer.Prune(nothing, now),
		"prune-report-only":        composer.Prune(report, now),
		"report-weekly":            composer.Weekly(week(), now),
		"report-weekly-first":      composer.Weekly(firstWeek(), now),
		"report-weekly-tried":      composer.Weekly(triedWeek(), now),
		"report-weekly-empty":      composer.Weekly(emptyWeek(), now),
		"report-weekly-no-scan":    composer.Weekly(unwatchedWeek(), now),
	}
}

// week is one of figures that people like, and then not.
func week() alert.Week {
	n := func(i int) *int { return &i }
	n64 := func(i int64) *int64 { return &i }
	return alert.Week{
		From: now.AddDate(0, 0, -7), To: now,
		Locks: alert.WeekLocks{Taken: n(412), Stuck: n(9), StuckNow: 1, Released: 11, ReleasedFresh: 1, StuckBefore: 2, ReleasedBy: []alert.Releaser{
			{Who: "unknown", How: alert.ByUnknown, Count: 5},
			{Who: "ana", How: alert.ByLockwarden, Count: 2},
			{Who: "bob", How: alert.ByLockwarden, Count: 1},
			{Who: "ana@example.com", How: alert.BySomebodyElse, Count: 1},
			{Who: "holder", How: alert.ByHolder, Count: 1},
			{Who: "lockwarden-auto", How: alert.Automatically, Count: 1},
		}},
		TimeToResolve: &alert.Resolve{MedianSeconds: 42 * 60, LongestSeconds: 3*3600 + 12*60},
		WeekBefore:    &alert.Before{Taken: n(398), Stuck: n(14), Released: 15, TimeToResolve: &alert.Resolve{MedianSeconds: 70 * 60, LongestSeconds: 9 * 3600}, Locking: &alert.Migration{Table: 15, Both: 3, Lockfile: 27}},
		ResolvedBy: &alert.ResolvedBy{
			Automatic: &alert.CountedResolve{Count: 1, Resolve: alert.Resolve{MedianSeconds: 14 * 60, LongestSeconds: 14 * 60}},
			ByHand:    &alert.CountedResolve{Count: 3, Resolve: alert.Resolve{MedianSeconds: 70 * 60, LongestSeconds: 3*3600 + 12*60}},
		},
		MostStuck: alert.MostStuck{
			Paths:  []alert.PathCount{{Path: "states/network/production/terraform.tfstate", Count: 4}, {Path: "states/services/checkout/terraform.tfstate", Count: 2}},
			People: []alert.WhoCount{{Who: "runs of GitHub repository 84213377", Count: 5}, {Who: "ana@laptop", Count: 2}},
		},
		LockSeconds: n64(23 * 3600), PlanLockSeconds: n64(14 * 3600), RefusedLockAttempts: n64(132),
		States: &alert.WeekStates{Pruned: 4, Abandoned: 2}, OpenFindings: n(3), FindingsBySeverity: &alert.FindingCounts{Critical: 1, Warning: 2}, Locking: &alert.Migration{Table: 12, Both: 3, Lockfile: 30},
	}
}

// firstWeek is the one of the installation, with little to say.
func firstWeek() alert.Week {
	since, none := now.AddDate(0, 0, -3), 0
	held, plans, taken := int64(3*3600), int64(20*60), 17
	return alert.Week{
		From: now.AddDate(0, 0, -7), To: now, WatchedSince: &since, Locks: alert.WeekLocks{Taken: &taken, Stuck: &none, ReleasedBy: []alert.Releaser{}},
		MostStuck: alert.MostStuck{Paths: []alert.PathCount{}, People: []alert.WhoCount{}}, LockSeconds: &held, PlanLockSeconds: &plans,
	}
}

// triedWeek is one of a team that watches what automatic release would do.
func triedWeek() alert.Week {
	w, n, stuck := firstWeek(), 3, 4
	w.WatchedSince, w.PlannedReleases, w.Locks.Stuck, w.Locks.Released = nil, &n, &stuck, 4
	w.Locks.ReleasedBy = []alert.Releaser{{Who: "unknown", How: alert.ByUnknown, Count: 3}, {Who: "ana", How: alert.ByLockwarden, Count: 1}}
	w.TimeToResolve = &alert.Resolve{MedianSeconds: 70 * 60, LongestSeconds: 3 * 3600}
	w.MostStuck = alert.MostStuck{
		Paths:  []alert.PathCount{{Path: "states/network/production/terraform.tfstate", Count: 3}, {Path: "states/services/checkout/terraform.tfstate", Count: 1}},
		People: []alert.WhoCount{{Who: "runner@fv-az1234-567", Count: 4}},
	}
	held, plans := int64(11*3600), int64(3*3600)
	w.LockSeconds, w.PlanLockSeconds = &held, &plans
	none := 0
	w.OpenFindings, w.FindingsBySeverity = &none, &alert.FindingCounts{}
	return w
}

// emptyWeek is one without a lock, and unwatchedWeek one without a scan.
func emptyWeek() alert.Week {
	w := firstWeek()
	w.WatchedSince, w.Locks.Taken = nil, w.Locks.Stuck
	w.LockSeconds, w.PlanLockSeconds = new(int64), new(int64)
	return w
}

func unwatchedWeek() alert.Week {
	w := emptyWeek()
	w.Locks.Taken, w.Locks.Stuck, w.LockSeconds, w.PlanLockSeconds = nil, nil, nil, nil
	return w
}

// render returns an event in every channel.
func render(t testing.TB, e alert.Event) alert.Rendered {
	t.Helper()
	r, err := alert.Render(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// notification is what Amazon Q gets.
func notification(t testing.TB, e alert.Event) (n alert.Notification) {
	t.Helper()
	if err := json.Unmarshal([]byte(render(t, e).Texts["https"]), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// size is what SNS counts of a message.
func size(t testing.TB, r alert.Rendered) int {
	t.Helper()
	var b strings.Builder // as Publish encodes it
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.Texts); err != nil {
		t.Fatal(err)
	}
	n := len(r.Subject) + b.Len()
	for name, value := range r.Attributes {
		n += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue))
	}
	return n
}
