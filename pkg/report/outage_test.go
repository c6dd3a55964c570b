package report_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// hour is a moment, in hours after monday.
func hour(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }

// Which tables and buckets are watched changes: what was not watched yet is not measured, is
// compared with nothing, and hides no outage of the others.
func TestTheStoresThatAreWatchedChange(t *testing.T) {
	t.Parallel()
	const day, week = 24, 7 * 24
	old, both, other := []string{bucket}, []string{table, bucket}, []string{table}
	type scans struct {
		from, to int
		watched  []string
	}
	for name, tc := range map[string]struct {
		scans             []scans
		compared          bool
		unwatched         int // hours
		since             int // hours; zero: not said
		words, otherwords string
	}{
		"none of them": {scans: []scans{{0, 3 * week, both}}, compared: true, otherwords: "no comparison"},
		"a new table does not hide an outage of the rest":     {scans: []scans{{0, 2 * week, old}, {2*week + 2*day, 3 * week, both}}, unwatched: 2 * day, words: "The monitor did not run, or could read nothing, for 2d"},
		"a new table in the week":                             {scans: []scans{{0, 2*week + day, old}, {2*week + day, 3 * week, both}}, words: "no comparison with the week before, since not everything was watched in both weeks."},
		"a new table in the week before":                      {scans: []scans{{0, week + day, old}, {week + day, 3 * week, both}}, words: "no comparison with the week before"},
		"a new table before both":                             {scans: []scans{{0, day, old}, {day, 3 * week, both}}, compared: true},
		"a table that is not watched any more":                {scans: []scans{{0, 2*week + day, both}, {2*week + day, 3 * week, old}}, words: "no comparison with the week before"},
		"a table that was not watched any more before both":   {scans: []scans{{0, day, both}, {day, 3 * week, old}}, compared: true},
		"another store in place of the one that was there":    {scans: []scans{{0, 2*week + day, old}, {2*week + day, 3 * week, other}}, since: 2*week + day, words: "watched since"},
		"another store after an outage says since when it is": {scans: []scans{{0, 2 * week, old}, {2*week + 3*day, 3 * week, other}}, since: 2*week + 3*day, words: "watched since"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			for _, s := range tc.scans {
				for h := s.from; h < s.to; h += 8 { // a longer time is a gap
					w.scan(pass{at: hour(h), watched: s.watched})
				}
			}
			w.now = hour(3 * week)
			got := w.week(report.Request{}, "a")
			if (got.WeekBefore != nil) != tc.compared || got.UnwatchedSeconds != int64(tc.unwatched)*3600 || got.Unread != nil {
				t.Errorf("%+v", got)
			}
			if (got.WatchedSince != nil) != (tc.since > 0) || (tc.since > 0 && !got.WatchedSince.Equal(hour(tc.since))) {
				t.Errorf("watched since %v", got.WatchedSince)
			}
			if text := w.events[0].Text; !strings.Contains(text, tc.words) || (tc.otherwords != "" && strings.Contains(text, tc.otherwords)) {
				t.Error(text)
			}
		})
	}
}

// A lock that ended while nobody looked was not held until somebody looked again.
func TestALockThatEndedInAnOutage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		outage    [2]int // hours, from the first scan that is missing up to the next one
		lock      int    // hours that it was held in the report
		resolved  bool
		automatic bool
	}{
		"without an outage":        {outage: [2]int{30, 30}, lock: 12, resolved: true, automatic: true},
		"one scan that is missing": {outage: [2]int{12, 15}, lock: 15, resolved: true, automatic: true},
		"four days":                {outage: [2]int{9, 105}, lock: 9}, // seen last after six hours, and it may have gone until the scan of nine
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := life{path: "states/a", id: "1", operation: "OperationTypePlan", kinds: []tflock.Kind{tflock.S3}, taken: hour(0).Add(-time.Second), ended: hour(11)}
			automatic := life{path: "states/b", id: "2", operation: "OperationTypePlan", kinds: []tflock.Kind{tflock.S3}, taken: hour(0).Add(-time.Second), ended: hour(11), by: "lockwarden-auto"}
			w := alone(t, l, automatic)
			for h := 0; h < 7*24; h += 3 {
				if h < tc.outage[0] || h >= tc.outage[1] {
					w.scan(pass{at: hour(h)})
				}
			}
			w.release(automatic)
			w.now = hour(7 * 24)
			got := w.week(report.Request{}, "a")
			if *got.LockSeconds/3600 != int64(2*tc.lock) || *got.PlanLockSeconds != *got.LockSeconds {
				t.Errorf("locked for %s", time.Duration(*got.LockSeconds)*time.Second)
			}
			if (got.TimeToResolve != nil) != tc.resolved || (got.ResolvedBy != nil) != tc.automatic || got.Locks.Released != 2 {
				t.Errorf("%+v, %+v, %+v", got.TimeToResolve, got.ResolvedBy, got.Locks)
			}
		})
	}
}

// What is stuck now is what the last scan found stuck, and nobody has released since.
func TestWhatIsStuckNow(t *testing.T) {
	t.Parallel()
	l := life{path: "states/a", id: "1", kinds: []tflock.Kind{tflock.S3}, taken: hour(0).Add(-time.Second), ended: hour(1000)}
	stuck := func(t *testing.T, failed map[string]bool) *world {
		w := alone(t, l)
		for h := 0; h < 48; h += 3 {
			w.scan(pass{at: hour(h), failed: map[string]bool{bucket: failed[bucket] && h > 9, table: failed[table] && h > 9}})
		}
		w.now = hour(48)
		return w
	}
	t.Run("a lock that is held", func(t *testing.T) {
		t.Parallel()
		if got := stuck(t, nil).week(report.Request{}, "a"); got.Locks.StuckNow != 1 || got.Locks.StuckUnread != 0 {
			t.Errorf("%+v", got.Locks)
		}
	})
	t.Run("a lock that was released since the last scan", func(t *testing.T) {
		t.Parallel()
		w := stuck(t, nil)
		released := l
		released.ended, released.by = w.now.Add(-time.Minute), "ana"
		w.release(released)
		got := w.week(report.Request{}, "a")
		if want := []alert.Releaser{{Who: "ana", How: alert.ByLockwarden, Count: 1}}; got.Locks.StuckNow != 0 || !slices.Equal(got.Locks.ReleasedBy, want) {
			t.Errorf("%+v", got.Locks)
		}
	})
	t.Run("a lock in a bucket that nobody reads any more", func(t *testing.T) {
		t.Parallel()
		w := stuck(t, map[string]bool{bucket: true})
		if got := w.week(report.Request{}, "a"); got.Locks.StuckNow != 0 || got.Locks.StuckUnread != 1 {
			t.Errorf("%+v", got.Locks)
		}
		text := w.events[0].Text + w.events[0].WeekFacts()[0].Text
		if !strings.Contains(text, "1 was stuck when its table or bucket was last read") || strings.Contains(text, "stuck now") {
			t.Error(text)
		}
	})
	t.Run("a lock in a bucket that is read, while a table is not", func(t *testing.T) {
		t.Parallel()
		if got := stuck(t, map[string]bool{table: true}).week(report.Request{}, "a"); got.Locks.StuckNow != 1 || got.Locks.StuckUnread != 0 {
			t.Errorf("%+v", got.Locks)
		}
	})
}

// racing is a history that is read after the next scan.
type racing struct {
	*ledger.History
	before func()
}

func (r racing) Past(ctx context.Context) iter.Seq2[ledger.Past, error] {
	r.before()
	return r.History.Past(ctx)
}

// A scan may record the end of a lock between what the report reads of current locks and of
// those that have ended.
func TestALockThatEndsWhileTheReportReads(t *testing.T) {
	t.Parallel()
	l := life{path: "states/a", id: "1", operation: "OperationTypePlan", kinds: []tflock.Kind{tflock.S3}, taken: hour(0).Add(-time.Second), ended: hour(11)}
	w := alone(t, l)
	for h := 0; h < 12; h += 3 {
		w.scan(pass{at: hour(h)})
	}
	w.now = hour(12)
	reporter := w.reporter()
	reporter.History = racing{ledger.NewHistory(w.client, "ledger"), func() { w.scan(pass{at: hour(12)}) }}
	got, err := reporter.Run(t.Context(), report.Request{}, "a")
	w.check(err)
	if *got.Locks.Taken != 1 || *got.Locks.Stuck != 1 || *got.LockSeconds/3600 != 12 || len(got.MostStuck.Paths) != 1 || got.MostStuck.Paths[0].Count != 1 {
		t.Errorf("taken %d, stuck %d, locked for %ds, %+v", *got.Locks.Taken, *got.Locks.Stuck, *got.LockSeconds, got.MostStuck)
	}
}

// One half of a lock goes through us in one week, and the other one by somebody else in the
// next: the lock is released in the week in which it is gone.
func TestAReleaseOfTwoWeeksIsInOneReport(t *testing.T) {
	t.Parallel()
	both := []tflock.Kind{tflock.DynamoDB, tflock.S3}
	w := alone(t, life{path: "states/a", id: "1", kinds: both, taken: hour(100), ended: hour(9 * 24)})
	half := ledger.Release{At: hour(6 * 24), Outcome: "partial", RequestedBy: "ana", Halves: []ledger.Half{
		{Store: bucket, Kind: tflock.S3, Fate: ledger.HalfRemoved}, {Store: table, Kind: tflock.DynamoDB, Fate: ledger.HalfKept},
	}}
	w.check(w.releases.Write(t.Context(), ledger.Key{Path: "states/a", ID: "1"}, half))
	h := 0
	for i, want := range []int{0, 1, 0} {
		for ; h < (i+1)*7*24; h += 8 {
			w.scan(pass{at: hour(h)})
		}
		w.now = hour((i + 1) * 7 * 24)
		if got := w.week(report.Request{ScheduledTime: w.now}, "a"); got.Locks.Released != want {
			t.Errorf("week %d: %+v", i+1, got.Locks)
		}
	}
}

// A lock of whose end people could not be notified yet is not held any more.
func TestALockThatIsGoneAndNotYetSaidToBe(t *testing.T) {
	t.Parallel()
	l := life{path: "states/a", id: "1", kinds: []tflock.Kind{tflock.S3}, taken: hour(0), ended: hour(11)}
	w := alone(t, l)
	for h := 0; h < 12; h += 3 {
		w.scan(pass{at: hour(h)})
	}
	for h := 12; h < 60; h += 3 {
		w.scan(pass{at: hour(h), unpublished: true})
	}
	w.now = hour(60)
	if got := w.week(report.Request{}, "a"); got.Locks.StuckNow != 0 || *got.Locks.Stuck != 1 || *got.LockSeconds/3600 != 12 {
		t.Errorf("%+v, locked for %ds", got.Locks, *got.LockSeconds)
	}
	w.scan(pass{at: hour(60)})
	w.now = hour(61)
	if got := w.week(report.Request{}, "b"); got.TimeToResolve == nil || got.TimeToResolve.LongestSeconds/3600 != 12 || *got.LockSeconds/3600 != 12 {
		t.Errorf("%+v, locked for %ds", got.TimeToResolve, *got.LockSeconds)
	}
}
