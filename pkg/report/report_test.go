package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func FuzzParseRequest(f *testing.F) {
	for _, payload := range []string{"", "{}", "null", `{"scheduled_time":"2026-11-23T08:00:00Z"}`, `{"scheduled_time":null}`, `{"a":1}`} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := report.ParseRequest(payload)
		if err != nil && r != (report.Request{}) {
			t.Errorf("an error, and %+v", r)
		}
	})
}

// alone is a world without a quarter.
func alone(t *testing.T, lives ...life) *world {
	return newWorld(t, quarter{lives: lives})
}

func (w *world) week(r report.Request, requestID string) alert.Week {
	w.Helper()
	week, err := w.reporter().Run(w.Context(), r, requestID)
	w.check(err)
	return week
}

func TestWithoutAScanNothingIsSaidOfLocks(t *testing.T) {
	t.Parallel()
	w := alone(t)
	week := w.week(report.Request{}, "a")
	raw, err := json.Marshal(week)
	w.check(err)
	if got := string(raw); !strings.Contains(got, `"locks":{"released":0,"released_by":[]},"most_stuck":{"paths":[],"people":[]}}`) {
		t.Error(got)
	}
	if !strings.Contains(w.events[0].Text, "Nothing is known of the locks") {
		t.Error(w.events[0].Text)
	}
}

func TestTheWeekAfterTheMonitorStoppedIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scan(pass{at: monday})
	w.now = monday.AddDate(0, 0, 15)
	if week := w.week(report.Request{}, "a"); week.Locks.Taken != nil || week.WeekBefore != nil || week.LockSeconds != nil {
		t.Errorf("%+v", week)
	}
}

// scans lets the monitor run every three hours between two moments, in hours after monday.
func (w *world) scans(from, to int) {
	w.Helper()
	for h := from; h < to; h += 3 {
		w.scan(pass{at: monday.Add(time.Duration(h) * time.Hour)})
	}
}

func TestAnEmptyWeekIsMeasured(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scans(0, 21*24)
	w.now = monday.AddDate(0, 0, 21)
	week := w.week(report.Request{}, "a")
	if week.Locks.Taken == nil || *week.Locks.Taken != 0 || week.WatchedSince != nil || week.TimeToResolve != nil || week.Locking != nil || *week.RefusedLockAttempts != 0 || week.States != nil {
		t.Errorf("%+v", week)
	}
	if week.WeekBefore == nil || *week.WeekBefore.Taken != 0 || week.UnwatchedSeconds != 0 || week.Unread != nil {
		t.Errorf("%+v", week)
	}
	if !strings.HasPrefix(w.events[0].Text, "No lock was seen in the week") {
		t.Error(w.events[0].Text)
	}
}

// What nobody watched is not measured, and nothing is compared with it.
func TestWhatTheMonitorMissedIsLeftOut(t *testing.T) {
	t.Parallel()
	const day, week = 24, 7 * 24
	for name, tc := range map[string]struct {
		scans           [][2]int // hours
		taken, compared bool
		unwatched, lock int // hours
		first           string
	}{
		"the week before":                     {scans: [][2]int{{0, week}, {2 * week, 3 * week}}, taken: true, unwatched: 0, lock: week, first: "No lock became stuck in the week to"},
		"three days of the week before":       {scans: [][2]int{{0, week}, {week + 3*day, 3 * week}}, taken: true, lock: week, first: "No lock became stuck in the week to"},
		"two days of the week":                {scans: [][2]int{{0, 2 * week}, {2*week + 2*day, 3 * week}}, taken: true, unwatched: 2 * day, lock: week, first: "No lock became stuck in the week to"},
		"the week":                            {scans: [][2]int{{0, 2 * week}}, first: "Nothing is known of the locks"},
		"the week, and it runs again":         {scans: [][2]int{{0, 2*week - 6}, {3*week + 3, 3*week + 6}}, first: "Nothing is known of the locks"},
		"the rest of the week after a day":    {scans: [][2]int{{0, 2*week + day + 1}}, taken: true, unwatched: 6 * day, lock: day, first: "No lock became stuck in the week to"},
		"nothing but two scans":               {scans: [][2]int{{0, 2*week + 30}, {2*week + 36, 3 * week}}, taken: true, compared: true, lock: week, first: "No lock became stuck in the week to"},
		"another week, three weeks before it": {scans: [][2]int{{0, 3}, {week - 3, 3 * week}}, taken: true, compared: true, lock: week, first: "No lock became stuck in the week to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t, life{path: "states/a", id: "1", kinds: []tflock.Kind{tflock.S3}, taken: monday.Add(-time.Hour), ended: monday.AddDate(1, 0, 0)})
			for _, s := range tc.scans {
				w.scans(s[0], s[1])
			}
			w.now = monday.AddDate(0, 0, 21)
			got := w.week(report.Request{}, "a")
			if (got.Locks.Taken != nil) != tc.taken || (got.WeekBefore != nil) != tc.compared || got.UnwatchedSeconds != int64(tc.unwatched)*3600 {
				t.Errorf("%+v", got)
			}
			if tc.taken && *got.LockSeconds != int64(tc.lock)*3600 {
				t.Errorf("locked for %d hours", *got.LockSeconds/3600)
			}
			if !strings.HasPrefix(w.events[0].Text, tc.first) || strings.Contains(w.events[0].Text, "did not run, or could read nothing,") != (tc.unwatched > 0) {
				t.Error(w.events[0].Text)
			}
		})
	}
}

// A store that nobody can read for a while says nothing of its locks.
func TestAStoreThatWasNotReadIsNamed(t *testing.T) {
	t.Parallel()
	w := alone(t)
	for h := 0; h < 14*24; h += 3 {
		w.scan(pass{at: monday.Add(time.Duration(h) * time.Hour), failed: map[string]bool{table: h > 8*24 && h < 10*24}})
	}
	w.now = monday.AddDate(0, 0, 14)
	week := w.week(report.Request{}, "a")
	if want := []alert.Unread{{Store: table, Seconds: 48 * 3600}}; !slices.Equal(week.Unread, want) || week.UnwatchedSeconds != 0 || week.WeekBefore != nil {
		t.Errorf("%+v", week)
	}
	if facts := fmt.Sprint(w.events[0].WeekFacts()); !strings.Contains(facts, "table locks (eu-central-1) for 2d") {
		t.Error(facts)
	}
}

func TestWhatIsNotMeasuredIsLeftOut(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scan(pass{at: monday})
	w.now = monday.Add(time.Hour)
	old := taking{at: monday.AddDate(0, 0, -8), found: []policy.StateFinding{{Type: policy.FindingMixedLocking, Severity: policy.SeverityCritical}}}
	for name, tc := range map[string]struct {
		takes    []taking
		mode     policy.AutoMode
		findings report.Findings
		want     string
	}{
		"no inventory":                 {nil, "", nil, `"open_findings":none,"planned_releases":none`},
		"no inventory within the week": {[]taking{old}, "", nil, `"open_findings":none,"planned_releases":none`},
		"an inventory without a finding, and automatic release that only reports": {[]taking{{at: monday}}, policy.AutoReport, nil, `"open_findings":0,"planned_releases":0`},
		"an inventory that cannot be read": {nil, policy.AutoRelease, func(context.Context) (io.ReadCloser, time.Time, error) {
			return nil, time.Time{}, errors.New("access denied")
		}, `"open_findings":none,"planned_releases":none`},
		"findings that are not JSON": {nil, "", func(context.Context) (io.ReadCloser, time.Time, error) {
			return io.NopCloser(strings.NewReader(`{"type":"mixed_locking"} {`)), monday, nil
		}, `"open_findings":none,"planned_releases":none`},
	} {
		t.Run(name, func(t *testing.T) {
			w.takes = tc.takes
			reporter := w.reporter()
			reporter.AutoMode = tc.mode
			if tc.findings != nil {
				reporter.Findings = tc.findings
			}
			week, err := reporter.Run(t.Context(), report.Request{}, name)
			w.check(err)
			said := func(n *int) string {
				if n == nil {
					return "none"
				}
				return strconv.Itoa(*n)
			}
			if got := `"open_findings":` + said(week.OpenFindings) + `,"planned_releases":` + said(week.PlannedReleases); got != tc.want {
				t.Error(got)
			}
		})
	}
}

type slowTopic struct {
	sync.Mutex
	n int
}

func (s *slowTopic) Publish(context.Context, alert.Event) error {
	s.Lock()
	defer s.Unlock()
	s.n++
	time.Sleep(200 * time.Millisecond)
	return nil
}

func TestHowStatesWereLockedLast(t *testing.T) {
	t.Parallel()
	onlyTable, onlyBucket := []tflock.Kind{tflock.DynamoDB}, []tflock.Kind{tflock.S3}
	hours := func(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }
	w := alone(
		t,
		life{path: "states/a", id: "1", kinds: onlyTable, taken: hours(0), ended: hours(7)},
		life{path: "states/a", id: "2", kinds: onlyBucket, taken: hours(8), ended: hours(20)},
		life{path: "states/b", id: "3", kinds: onlyTable, taken: hours(0), ended: hours(20)},
		life{path: "states/b", id: "4", kinds: onlyBucket, taken: hours(24), ended: hours(26)}, // seen once: perhaps half of it
		life{path: "states/c", id: "5", kinds: slices.Concat(onlyTable, onlyBucket), taken: hours(24), ended: hours(26)},
		life{path: "states/d", id: "6", kinds: onlyBucket, taken: hours(40), ended: hours(1000)},
	)
	for h := 1; h < 48; h += 3 {
		w.scan(pass{at: hours(h)})
	}
	w.now = hours(48)
	week := w.week(report.Request{}, "a")
	if week.Locking == nil || *week.Locking != (alert.Migration{Table: 1, Both: 1, Lockfile: 2}) {
		t.Errorf("%+v", week.Locking)
	}
}

func TestAReleaseOfOneHalfIsNotAReleaseYet(t *testing.T) {
	t.Parallel()
	both := []tflock.Kind{tflock.DynamoDB, tflock.S3}
	held := life{path: "states/a", id: "1", kinds: both, taken: monday.Add(-5 * time.Hour), ended: monday.Add(2 * time.Hour)}
	w := alone(t, held)
	w.scan(pass{at: monday})
	half := ledger.Release{At: monday.Add(time.Minute), Outcome: "partial", RequestedBy: "ana", Halves: []ledger.Half{
		{Store: bucket, Kind: tflock.S3, Fate: ledger.HalfRemoved}, {Store: table, Kind: tflock.DynamoDB, Fate: ledger.HalfKept},
	}}
	w.check(w.releases.Write(t.Context(), ledger.Key{Path: "states/a", ID: "1"}, half))
	w.now = monday.Add(time.Hour)
	if week := w.week(report.Request{}, "a"); week.Locks.Released != 0 {
		t.Errorf("%+v", week.Locks)
	}
	w.scan(pass{at: monday.Add(3 * time.Hour)})
	w.now = monday.Add(4 * time.Hour)
	week := w.week(report.Request{}, "b")
	if want := []alert.Releaser{{Who: "ana", How: alert.ByLockwarden, Count: 1}}; !slices.Equal(week.Locks.ReleasedBy, want) || week.Locks.Released != 1 || week.TimeToResolve == nil {
		t.Errorf("%+v", week.Locks)
	}
}
