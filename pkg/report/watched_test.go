package report_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// reads are the starts of the scans on record that read a store.
func (q quarter) reads(store string, until time.Time) (reads []time.Time) {
	for _, p := range q.passes {
		if p.recorded().Before(until) && !p.failed[store] {
			reads = append(reads, p.at)
		}
	}
	return reads
}

// unread reports whether the store was not read for long around a moment: three scans in a row
// are missing. until is when the report is made.
func (q quarter) unread(store string, at, until time.Time) bool {
	last, next := time.Time{}, until
	for _, read := range q.reads(store, until) {
		if read.After(at) {
			next = read
			break
		}
		last = read
	}
	return !last.IsZero() && next.Sub(last) > 3*every
}

// missing computes, minute by minute, how long which stores were not read between two
// moments.
func (q quarter) missing(from, to, until time.Time) (silent time.Duration, alone map[string]time.Duration) {
	edges := []time.Time{from, to}
	for _, store := range []string{table, bucket} {
		for _, read := range q.reads(store, until) {
			if read.After(from) && read.Before(to) {
				edges = append(edges, read)
			}
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	alone = map[string]time.Duration{}
	for i, edge := range edges[:len(edges)-1] {
		long := edges[i+1].Sub(edge)
		inTable, inBucket := q.unread(table, edge, until), q.unread(bucket, edge, until)
		switch {
		case inTable && inBucket:
			silent += long
		case inTable:
			alone[table] += long
		case inBucket:
			alone[bucket] += long
		}
	}
	return silent, alone
}

// sightOf is up to when a lock was seen that no scan missed.
func (q quarter) sightOf(s sighted, until time.Time) time.Time {
	var seen time.Time
	for _, kind := range s.kinds {
		if !q.unread(storeOf[kind], until, until) {
			return until
		}
		reads := q.reads(storeOf[kind], until)
		if last := reads[len(reads)-1]; last.After(seen) {
			seen = last
		}
	}
	return seen
}

// report computes what the report of a scheduled time says that is made at now.
func (q quarter) report(scheduled, now time.Time) alert.Week {
	to := scheduled.Add(-15 * time.Minute)
	from, before := to.AddDate(0, 0, -7), to.AddDate(0, 0, -14)
	want := q.week(from, to, scheduled)
	want.OpenFindings, want.FindingsBySeverity = q.open(from, now)
	first := q.passes[0].at
	silent, alone := q.missing(from, to, now)
	if silent == to.Sub(from) {
		want.Locks.Taken, want.Locks.Stuck, want.LockSeconds, want.PlanLockSeconds, want.PlannedReleases = nil, nil, nil, nil, nil
		want.Locks.StuckNow, want.Locks.StuckUnread = 0, 0
		return want
	}
	want.UnwatchedSeconds = int64(silent / time.Second)
	for store, missed := range alone {
		want.Unread = append(want.Unread, alert.Unread{Store: store, Seconds: int64(missed / time.Second)})
	}
	slices.SortFunc(want.Unread, func(a, b alert.Unread) int { return cmp.Compare(b.Seconds, a.Seconds) })
	if first.After(from) {
		want.WatchedSince = &first
	}
	silentBefore, aloneBefore := q.missing(before, from, now)
	if silent+silentBefore == 0 && len(alone)+len(aloneBefore) == 0 && !first.After(before.Add(time.Hour)) {
		w := q.week(before, from, scheduled)
		want.WeekBefore = &alert.Before{Taken: w.Locks.Taken, Stuck: w.Locks.Stuck, Released: w.Locks.Released, TimeToResolve: w.TimeToResolve, Locking: w.Locking}
	}
	return want
}
