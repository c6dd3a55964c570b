package report_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// expected counts the figures of one week from the log alone.
type expected struct {
	q                           quarter
	from, to, until             time.Time
	week                        alert.Week
	taken, stuck                int
	held, plans                 time.Duration
	resolved, automatic, byHand []time.Duration
	last                        map[string]sighted // by path: the lock that says how it is locked
	paths, people               map[string]int
	by                          map[alert.Releaser]int
}

// week computes the figures of one week.
func (q quarter) week(from, to time.Time, until time.Time) alert.Week {
	e := expected{
		q: q, from: from, to: to, until: until, last: map[string]sighted{}, paths: map[string]int{}, people: map[string]int{}, by: map[alert.Releaser]int{},
	}
	for _, s := range q.upTo(until) {
		e.lock(s)
	}
	w := e.week
	w.From, w.To = from, to
	w.Locks.Taken, w.Locks.Stuck, w.Locks.ReleasedBy = &e.taken, &e.stuck, []alert.Releaser{}
	for r, n := range e.by {
		r.Count = n
		w.Locks.Released += n
		w.Locks.ReleasedBy = append(w.Locks.ReleasedBy, r)
	}
	slices.SortFunc(w.Locks.ReleasedBy, func(a, b alert.Releaser) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	w.TimeToResolve = middle(e.resolved)
	if len(e.automatic) > 0 {
		w.ResolvedBy = &alert.ResolvedBy{Automatic: &alert.CountedResolve{Count: len(e.automatic), Resolve: *middle(e.automatic)}}
		if len(e.byHand) > 0 {
			w.ResolvedBy.ByHand = &alert.CountedResolve{Count: len(e.byHand), Resolve: *middle(e.byHand)}
		}
	}
	w.MostStuck = alert.MostStuck{Paths: []alert.PathCount{}, People: []alert.WhoCount{}}
	for _, name := range top(e.paths) {
		w.MostStuck.Paths = append(w.MostStuck.Paths, alert.PathCount{Path: name, Count: e.paths[name]})
	}
	for _, name := range top(e.people) {
		w.MostStuck.People = append(w.MostStuck.People, alert.WhoCount{Who: name, Count: e.people[name]})
	}
	lockSeconds, planSeconds := int64(e.held/time.Second), int64(e.plans/time.Second)
	w.LockSeconds, w.PlanLockSeconds = &lockSeconds, &planSeconds
	tries, _ := q.Refused(context.Background(), []string{table}, from, to)
	w.RefusedLockAttempts = &tries
	w.PlannedReleases, w.Locking, w.States = e.planned(), e.locking(), e.states()
	return w
}

func (e *expected) in(t time.Time) bool { return !t.IsZero() && !t.Before(e.from) && t.Before(e.to) }

// lock counts one lock.
func (e *expected) lock(s sighted) {
	l := s.life
	released := l.by != "" && l.recorded.Before(e.until)
	if released && e.in(l.ended) {
		how := alert.ByLockwarden
		if l.by == "lockwarden-auto" {
			how = alert.Automatically
		}
		e.release(s, alert.Releaser{Who: l.by, How: how})
	}
	if s.first.IsZero() { // no scan saw it
		return
	}
	if e.in(s.first) {
		e.taken++
		if other, known := e.last[l.path]; !known || (s.settled && !other.settled) || (s.settled == other.settled && s.first.After(other.first)) {
			e.last[l.path] = s
		}
	}
	if e.in(s.stuck) {
		e.stuck++
		e.paths[l.path]++
		e.people[l.who]++
	}
	end, missed := e.end(s, released)
	e.lockTime(l, end)
	if e.in(s.gone) {
		e.resolve(s, missed)
	}
}

// release counts one.
func (e *expected) release(s sighted, by alert.Releaser) {
	e.by[by]++
	switch {
	case s.stuck.IsZero():
		e.week.Locks.ReleasedFresh++
	case s.stuck.Before(e.from):
		e.week.Locks.StuckBefore++
	}
}

// end is when a lock was over as far as anybody knows, and whether it ended while no scan looked.
func (e *expected) end(s sighted, released bool) (end time.Time, missed bool) {
	if seen := s.seen(); !s.gone.IsZero() {
		if s.gone.Sub(seen) > 3*every {
			return seen.Add(every), true
		}
		return s.gone, false
	}
	end = e.q.sightOf(s, e.until)
	switch {
	case s.stuck.IsZero() || released:
	case end.Equal(e.until):
		e.week.Locks.StuckNow++
	default:
		e.week.Locks.StuckUnread++
	}
	return end, false
}

// lockTime counts the part of a lock's time that is in the week.
func (e *expected) lockTime(l life, end time.Time) {
	begin := l.taken
	if begin.Before(e.from) {
		begin = e.from
	}
	if end.After(e.to) {
		end = e.to
	}
	if !end.After(begin) {
		return
	}
	e.held += end.Sub(begin)
	if l.operation == "OperationTypePlan" {
		e.plans += end.Sub(begin)
	}
}

// resolve counts a lock that a scan of the week saw to be gone.
func (e *expected) resolve(s sighted, missed bool) {
	l, took := s.life, s.gone.Sub(s.taken)
	if !s.stuck.IsZero() {
		if !missed {
			e.resolved = append(e.resolved, took)
		}
		if l.by == "" {
			e.release(s, e.q.remover(s, e.until))
		}
	}
	switch {
	case missed:
	case l.by == "lockwarden-auto":
		e.automatic = append(e.automatic, took)
	case l.by == "ana", l.by == "bob":
		e.byHand = append(e.byHand, took)
	}
}

func (e *expected) planned() *int {
	n := 0
	for _, l := range e.q.lives {
		if e.in(l.planned) {
			n++
		}
	}
	return &n
}

func (e *expected) locking() *alert.Migration {
	if len(e.last) == 0 {
		return nil
	}
	m := &alert.Migration{}
	for _, s := range e.last {
		switch {
		case len(s.kinds) == 2:
			m.Both++
		case s.kinds[0] == tflock.S3:
			m.Lockfile++
		default:
			m.Table++
		}
	}
	return m
}

func (e *expected) states() *alert.WeekStates {
	var states *alert.WeekStates
	found := 0 // before the mark, since the last prune that began at the first state
	for _, run := range e.q.prunes {
		if !run.Continued {
			found = 0
		}
		if e.in(run.At) {
			if states == nil {
				states = &alert.WeekStates{}
			}
			states.Pruned, states.Abandoned, states.AtLeast = states.Pruned+run.Pruned, found+run.Abandoned, run.StoppedEarly
		}
		found += run.Abandoned
	}
	return states
}
