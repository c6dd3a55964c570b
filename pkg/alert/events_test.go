//go:build !race

package alert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func anyDescription(t *rapid.T) policy.Description {
	text := rapid.StringN(0, 30, -1)
	f := samples.Lock()
	f.ID, f.Who, f.Operation, f.Path = text.Draw(t, "id"), text.Draw(t, "who"), text.Draw(t, "operation"), "b/"+text.Draw(t, "key")
	if rapid.Bool().Draw(t, "plain") {
		f.ID, f.Path = "id-1", "states/a/x"
	}
	f.HeldSince = now.Add(-time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "held")))
	f.HeldSeconds = int64(now.Sub(f.HeldSince) / time.Second)
	f.Stores = rapid.SliceOfN(text, 0, 3).Draw(t, "stores")
	f.Holdings = []tflock.Kind{rapid.SampledFrom([]tflock.Kind{tflock.S3, tflock.DynamoDB}).Draw(t, "kind")}
	f.Verdict = rapid.SampledFrom([]policy.Verdict{policy.Stuck, policy.Unreadable}).Draw(t, "verdict")
	f.Evidence.Liveness = rapid.SampledFrom([]policy.Liveness{policy.LikelyOrphan, policy.PossiblyLive, policy.Unknown, "run_ended"}).Draw(t, "liveness")
	f.Evidence.Reasons = rapid.SliceOfN(text, 0, 4).Draw(t, "reasons")
	return f
}

func anyEvent(t *rapid.T) alert.Event {
	text := rapid.StringN(0, 40, -1)
	kinds := []alert.Type{alert.LockStuck, alert.LockReminder, alert.LockResolved, alert.LockUnreadable}
	switch rapid.SampledFrom([]string{"lock", "lock", "resolved", "released", "gone", "refused", "shared", "shared", "scan", "prune", "week", "findings"}).Draw(t, "kind") {
	case "lock":
		return composer.Lock(rapid.SampledFrom(kinds).Draw(t, "type"), anyDescription(t), rapid.IntRange(1, 5).Draw(t, "notified"), now)
	case "resolved":
		e := composer.Lock(alert.LockResolved, anyDescription(t), 1, now).By(text.Draw(t, "who"), text.Draw(t, "why"))
		if rapid.Bool().Draw(t, "again") {
			e = e.NowLockedBy(anyDescription(t))
		}
		return e
	case "released":
		return composer.Released(anyDescription(t), alert.Release{Outcome: rapid.SampledFrom([]alert.Outcome{alert.Whole, alert.Partly}).Draw(t, "outcome"), RequestedBy: text.Draw(t, "who"), Reason: text.Draw(t, "why"), Forced: rapid.Bool().Draw(t, "forced")}, now)
	case "gone":
		return composer.Released(anyDescription(t), alert.Release{Outcome: alert.Gone, RequestedBy: text.Draw(t, "who"), Reason: text.Draw(t, "why"), Forced: rapid.Bool().Draw(t, "forced")}, now)
	case "refused":
		return composer.Refused(anyDescription(t), text.Draw(t, "who"), text.Draw(t, "why"), now)
	case "scan":
		var stores []alert.Store
		for range rapid.IntRange(1, 15).Draw(t, "stores") {
			stores = append(stores, alert.Store{ARN: text.Draw(t, "arn"), Problem: text.Draw(t, "problem"), Since: now.Add(-time.Hour)})
		}
		return composer.Scan(rapid.SampledFrom([]alert.Type{alert.ScanFailed, alert.ScanRecovered}).Draw(t, "type"), alert.Warning, stores, now)
	case "prune":
		r := pruneReport()
		r.States[0].Path, r.States[1].Why, r.Errors = tflock.Path(text.Draw(t, "path")), text.Draw(t, "why"), rapid.SliceOfN(text, 0, 20).Draw(t, "errors")
		r.Pruned, r.WouldPrune = rapid.IntRange(0, 3).Draw(t, "pruned"), rapid.IntRange(0, 3).Draw(t, "would")
		return composer.Prune(r, now)
	case "findings":
		all := samples.Findings()
		for n := range all {
			all[n].Path, all[n].Text = tflock.Path(text.Draw(t, "path")), text.Draw(t, "finding")
			all[n].Evidence.Resources = append(all[n].Evidence.Resources, policy.Resource{Type: text.Draw(t, "kind"), ARN: text.Draw(t, "arn")})
		}
		for range rapid.IntRange(0, 200).Draw(t, "more") {
			all = append(all, all[rapid.IntRange(0, 6).Draw(t, "which")])
		}
		first := rapid.IntRange(0, 6).Draw(t, "first")
		if rapid.Bool().Draw(t, "one") {
			all = all[:first+1]
		}
		return composer.StateFindings(rapid.SampledFrom([]alert.Type{alert.StateFinding, alert.StateFindingResolved}).Draw(t, "type"), all[first:], now)
	case "week":
		w := week()
		w.MostStuck.Paths[0].Path, w.MostStuck.People[0].Who, w.Locks.ReleasedBy[1].Who, w.Locks.ReleasedBy[3].Who = text.Draw(t, "path"), text.Draw(t, "who"), text.Draw(t, "caller"), text.Draw(t, "session")
		if rapid.Bool().Draw(t, "less") {
			w.WeekBefore, w.TimeToResolve, w.States, w.RefusedLockAttempts, w.Locks.Taken, w.Locks.Stuck = nil, nil, nil, nil, nil, nil
		}
		return composer.Weekly(w, now)
	default:
		var items []alert.Item
		for range rapid.IntRange(1, 40).Draw(t, "locks") {
			i := alert.Item{Description: anyDescription(t)}
			if rapid.Bool().Draw(t, "again") {
				other := anyDescription(t)
				i.Current, i.Release = &other, &alert.Release{Outcome: alert.Whole, RequestedBy: text.Draw(t, "who")}
			}
			items = append(items, i)
		}
		return composer.Shared(rapid.SampledFrom(kinds).Draw(t, "type"), items, alert.Critical, now).AndMore(rapid.IntRange(0, 3).Draw(t, "more"))
	}
}

// An event is complete: encoded and decoded it renders the same in every channel.
func TestADecodedEventRendersTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { mustSurviveJSON(t, anyEvent(t)) })
	for name, e := range events() {
		t.Run(name, func(t *testing.T) { mustSurviveJSON(t, e) })
	}
}

type failer interface {
	Helper()
	Fatal(args ...any)
}

func mustSurviveJSON(t failer, e alert.Event) {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back alert.Event
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	before, err := alert.Render(e)
	if err != nil {
		t.Fatal(err)
	}
	after, err := alert.Render(back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Texts, after.Texts); diff != "" || before.Subject != after.Subject || fmt.Sprint(before.Attributes["path"].StringValue != nil) != fmt.Sprint(after.Attributes["path"].StringValue != nil) {
		t.Fatal("the decoded event renders differently:\n" + diff)
	}
	// What was cut to fit is not cut again.
	var sent alert.Event
	if err := json.Unmarshal([]byte(before.Texts["sqs"]), &sent); err != nil {
		t.Fatal(err)
	}
	again, err := alert.Render(sent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Texts, again.Texts); diff != "" {
		t.Fatal("the sent event renders differently:\n" + diff)
	}
}

// What a message has no room for is counted, and it is sent all the same.
func TestAMessageAlwaysFits(t *testing.T) {
	var many, markup []policy.Description
	for i := range 20_000 {
		f := samples.Lock()
		f.Path = fmt.Sprintf("states/%d/%s", i, strings.Repeat("\u0001", 900))
		f.Who, f.Operation, f.ID = strings.Repeat("\"", 256), strings.Repeat("<", 256), strings.Repeat("\\", 1024)
		f.Evidence.Reasons = []string{strings.Repeat("\x00", 3000)}
		many = append(many, f)
	}
	for range 100 {
		f := samples.Lock()
		f.Path = strings.Repeat("<", 2000)
		markup = append(markup, f)
	}
	long := strings.Repeat("a <very> & \"long\" path/", 40)
	var r alert.PruneReport
	for i := range 2000 {
		r.States = append(r.States, policy.Stale{
			Path: tflock.Path(fmt.Sprint(long, i)), Fate: []policy.Fate{policy.Kept, policy.Pruned}[i%2], Why: long, VersionID: strings.Repeat("<", 100),
			ManagedObjects: i % 4 / 2 * 9, Types: []policy.TypeCount{{Type: strings.Repeat("t", 128), Count: 1}, {Type: strings.Repeat("u", 128), Count: 1}},
		})
	}
	for i := range 101 {
		r.Errors = append(r.Errors, fmt.Sprint(long, i))
	}
	r.Pruned, r.Kept, r.Abandoned = 1000, 1000, 500
	var stores []alert.Store
	for i := range 500 {
		stores = append(stores, alert.Store{ARN: fmt.Sprintf("arn:aws:s3:::bucket-%d", i), Problem: strings.Repeat("\"", 600), Since: now})
	}
	for name, tc := range map[string]struct {
		event alert.Event
		locks int
	}{
		"one":     {composer.Lock(alert.LockStuck, many[0], 1, now), 0},
		"summary": {composer.Summary(alert.LockStuck, many, alert.Warning, now), len(many)},
		"markup":  {composer.Summary(alert.LockStuck, markup, alert.Warning, now), len(markup)},
		"prune":   {composer.Prune(r, now), 0},
		"stores":  {composer.Scan(alert.ScanFailed, alert.Warning, stores, now), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := render(t, tc.event)
			if n := size(t, r); n > 256<<10 {
				t.Errorf("%d bytes", n)
			}
			var back alert.Event
			if err := json.Unmarshal([]byte(r.Texts["sqs"]), &back); err != nil {
				t.Fatal(err)
			}
			if len(back.Locks)+back.Omitted*min(tc.locks, 1) != tc.locks {
				t.Errorf("%d locks and %d omitted", len(back.Locks), back.Omitted)
			}
		})
	}
}

// Where a channel shows updates in threads alone, nobody looks at the thread of a year ago.
func TestAMessageThatIsNotAboutOneLockBeginsAThread(t *testing.T) {
	thread := func(e alert.Event) string { return notification(t, e).Metadata.ThreadID }
	locks := []policy.Description{samples.Lock(), samples.Lock()}
	if before, after := thread(composer.Summary(alert.LockStuck, locks, alert.Warning, now)), thread(composer.Summary(alert.LockStuck, locks, alert.Warning, now.Add(time.Hour))); before == after {
		t.Errorf("shared messages of two scans have the thread %s", before)
	}
	if before, after := thread(composer.Lock(alert.LockStuck, locks[0], 1, now)), thread(composer.Lock(alert.LockReminder, locks[0], 2, now.Add(time.Hour))); before != after {
		t.Errorf("a lock has the threads %s and %s", before, after)
	}
}
