package report_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// sighted is what the log says that scans saw of a lock, up to a moment.
type sighted struct {
	life
	first, stuck, gone time.Time // ends of scans; zero: not yet
	last               time.Time // start of the last scan that read a store of it while it was not gone
	kinds              []tflock.Kind
	settled            bool // how it was locked is certain
}

// see goes through the log for one lock.
func (q quarter) see(l life, until time.Time) (s sighted, seen bool) {
	s.life = l
	scans, whole := 0, false // that saw it; whether the last scan read everything
	for _, p := range q.passes {
		if !p.recorded().Before(until) || p.at.Before(l.taken) {
			continue
		}
		if s.reads(p) && (!l.ended.Before(p.at) || s.fails(p)) {
			s.last = p.at
		}
		if l.ended.After(p.at) {
			glimpse := false
			for _, kind := range l.kinds {
				if !p.failed[storeOf[kind]] {
					glimpse = true
					if !slices.Contains(s.kinds, kind) {
						s.kinds = append(s.kinds, kind)
					}
				}
			}
			whole = !p.failed[table] && !p.failed[bucket]
			if !glimpse {
				continue
			}
			scans++
			if s.first.IsZero() {
				s.first = p.end()
			}
			if s.stuck.IsZero() && p.end().Sub(l.taken) > threshold {
				s.stuck = p.end()
			}
			continue
		}
		known := false
		for _, kind := range s.kinds {
			known = known || p.failed[storeOf[kind]]
		}
		if !s.first.IsZero() && !known {
			s.gone, s.settled = p.end(), scans > 1 && whole
			break
		}
		whole = !p.failed[table] && !p.failed[bucket]
	}
	s.settled = s.settled || len(s.kinds) == 2
	return s, !s.first.IsZero()
}

// seen is the last time at which a scan saw it for certain.
func (s sighted) seen() time.Time {
	if s.last.After(s.first) {
		return s.last
	}
	return s.first
}

// reads says whether a scan read a store that the lock was seen in; fails whether it could
// not read one.
func (s sighted) reads(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return !p.failed[storeOf[kind]] })
}

func (s sighted) fails(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return p.failed[storeOf[kind]] })
}

// remover is who removed a lock that was not released through us, as far as S3's events say
// by then.
func (q quarter) remover(s sighted, until time.Time) alert.Releaser {
	unknown := alert.Releaser{Who: "unknown", How: alert.ByUnknown}
	var created, next event
	for _, e := range q.events {
		if e.path != s.path || e.delivered.IsZero() || !e.delivered.Before(until) {
			continue
		}
		switch {
		case e.etag == s.etag():
			created = e
		case e.at.After(s.taken) && (next.at.IsZero() || e.at.Before(next.at)):
			next = e
		}
	}
	switch {
	case !slices.Contains(s.kinds, tflock.S3), created.at.IsZero(), !next.removed, next.at.After(s.gone.Add(time.Minute)), next.at.Before(s.seen().Add(-time.Second)):
		return unknown
	case next.session == created.session:
		return alert.Releaser{Who: "holder", How: alert.ByHolder}
	default:
		return alert.Releaser{Who: next.session, How: alert.BySomebodyElse}
	}
}

// week computes the figures of one week from the log alone.
func (q quarter) week(from, to time.Time, until time.Time) (w alert.Week) {
	in := func(t time.Time) bool { return !t.IsZero() && !t.Before(from) && t.Before(to) }
	taken, stuck := 0, 0
	count := func(s sighted) { // a release
		switch {
		case s.stuck.IsZero():
			w.Locks.ReleasedFresh++
		case s.stuck.Before(from):
			w.Locks.StuckBefore++
		}
	}
	var held, plans time.Duration
	var resolved, automatic, byHand []time.Duration
	last := map[string]sighted{} // by path: the lock that says how it is locked
	paths, people, by := map[string]int{}, map[string]int{}, map[alert.Releaser]int{}
	for _, s := range q.upTo(until) {
		l, seen := s.life, !s.first.IsZero()
		if l.by != "" && in(l.ended) && l.recorded.Before(until) {
			how := alert.ByLockwarden
			if l.by == "lockwarden-auto" {
				how = alert.Automatically
			}
			by[alert.Releaser{Who: l.by, How: how}]++
			count(s)
		}
		if !seen {
			continue
		}
		if in(s.first) {
			taken++
			if other, known := last[l.path]; !known || (s.settled && !other.settled) || (s.settled == other.settled && s.first.After(other.first)) {
				last[l.path] = s
			}
		}
		if in(s.stuck) {
			stuck++
			paths[l.path]++
			people[l.who]++
		}
		released := l.by != "" && l.recorded.Before(until)
		end, missed := s.gone, false
		if end.IsZero() {
			end = q.sightOf(s, until)
			switch {
			case s.stuck.IsZero() || released:
			case end.Equal(until):
				w.Locks.StuckNow++
			default:
				w.Locks.StuckUnread++
			}
		} else if seen := s.seen(); end.Sub(seen) > 3*every { // it ended while no scan looked
			end, missed = seen.Add(every), true
		}
		a, b := l.taken, end
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		if b.After(a) {
			held += b.Sub(a)
			if l.operation == "OperationTypePlan" {
				plans += b.Sub(a)
			}
		}
		if in(s.gone) && l.by == "lockwarden-auto" && !missed {
			automatic = append(automatic, s.gone.Sub(l.taken))
		}
		if in(s.gone) && !s.stuck.IsZero() {
			if !missed {
				resolved = append(resolved, s.gone.Sub(l.taken))
			}
			remover := q.remover(s, until)
			if l.by == "" {
				by[remover]++
				count(s)
			}
		}
		if in(s.gone) && (l.by == "ana" || l.by == "bob") && !missed {
			byHand = append(byHand, s.gone.Sub(l.taken))
		}
	}
	w.From, w.To = from, to
	w.Locks.Taken, w.Locks.Stuck, w.Locks.ReleasedBy = &taken, &stuck, []alert.Releaser{}
	for r, n := range by {
		r.Count = n
		w.Locks.Released += n
		w.Locks.ReleasedBy = append(w.Locks.ReleasedBy, r)
	}
	slices.SortFunc(w.Locks.ReleasedBy, func(a, b alert.Releaser) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	w.TimeToResolve = middle(resolved)
	if len(automatic) > 0 {
		w.ResolvedBy = &alert.ResolvedBy{Automatic: &alert.CountedResolve{Count: len(automatic), Resolve: *middle(automatic)}}
		if len(byHand) > 0 {
			w.ResolvedBy.ByHand = &alert.CountedResolve{Count: len(byHand), Resolve: *middle(byHand)}
		}
	}
	planned := 0
	for _, l := range q.lives {
		if in(l.planned) {
			planned++
		}
	}
	w.PlannedReleases = &planned
	for _, s := range last {
		if w.Locking == nil {
			w.Locking = &alert.Migration{}
		}
		switch {
		case len(s.kinds) == 2:
			w.Locking.Both++
		case s.kinds[0] == tflock.S3:
			w.Locking.Lockfile++
		default:
			w.Locking.Table++
		}
	}
	w.MostStuck = alert.MostStuck{Paths: []alert.PathCount{}, People: []alert.WhoCount{}}
	for _, name := range top(paths) {
		w.MostStuck.Paths = append(w.MostStuck.Paths, alert.PathCount{Path: name, Count: paths[name]})
	}
	for _, name := range top(people) {
		w.MostStuck.People = append(w.MostStuck.People, alert.WhoCount{Who: name, Count: people[name]})
	}
	lockSeconds, planSeconds := int64(held/time.Second), int64(plans/time.Second)
	w.LockSeconds, w.PlanLockSeconds = &lockSeconds, &planSeconds
	tries, _ := q.Refused(context.Background(), []string{table}, from, to)
	w.RefusedLockAttempts = &tries
	found := 0 // before the mark, since the last prune that began at the first state
	for _, run := range q.prunes {
		if !run.Continued {
			found = 0
		}
		if in(run.At) {
			if w.States == nil {
				w.States = &alert.WeekStates{}
			}
			w.States.Pruned, w.States.Abandoned, w.States.AtLeast = w.States.Pruned+run.Pruned, found+run.Abandoned, run.StoppedEarly
		}
		found += run.Abandoned - run.Again
	}
	return w
}

// open computes what the last inventory found, less what only happened. A report names the
// findings that are open when it is made, not those of the end of its week: an inventory may
// run in the very second in which a report is due.
func (q quarter) open(from, now time.Time) (*int, *alert.FindingCounts) {
	last, ran := q.taken(now)
	if !ran || last.at.Before(from) {
		return nil, nil
	}
	var counts alert.FindingCounts
	for _, f := range last.found {
		switch {
		case f.Type == policy.SerialReused:
		case f.Severity == policy.SeverityCritical:
			counts.Critical++
		case f.Severity == policy.SeverityWarning:
			counts.Warning++
		default:
			counts.Info++
		}
	}
	open := counts.Critical + counts.Warning + counts.Info
	return &open, &counts
}

func middle(held []time.Duration) *alert.Resolve {
	n := len(held)
	if n == 0 {
		return nil
	}
	slices.Sort(held)
	median := held[n/2]
	if n%2 == 0 {
		median = (median + held[n/2-1]) / 2
	}
	return &alert.Resolve{MedianSeconds: int64(median / time.Second), LongestSeconds: int64(held[n-1] / time.Second)}
}

func top(counts map[string]int) []string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	return names[:min(5, len(names))]
}
