package report

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// figures are those of one week, and of the week before to compare.
func (r *Reporter) figures(ctx context.Context, s span) (alert.Week, error) {
	watch, err := r.Scans.Watch(ctx)
	if err != nil {
		return alert.Week{}, err
	}
	seen := newWatched(watch, r.Now(), r.ScanEvery)
	week, before := newTally(s, r.ScanEvery), newTally(s.before(), r.ScanEvery)
	if err := r.count(ctx, seen, week, before); err != nil {
		return alert.Week{}, err
	}
	w := alert.Week{From: s.from, To: s.to, MostStuck: week.mostStuck(), TooMany: week.tooMany()}
	w.Locks.Released, w.Locks.ReleasedBy = week.releasedBy()
	w.Locks.ReleasedFresh, w.Locks.StuckBefore = week.fresh, week.older
	if seen.any(s) {
		week.scanned(&w, seen)
		w.UnwatchedSeconds, w.Unread = int64(s.in(seen.silent)/time.Second), seen.unread(s)
		if seen.comparable(s, before.span) {
			w.WeekBefore = before.compared(seen)
		}
		if w.PlannedReleases, err = r.plannedReleases(ctx, s); err != nil {
			return alert.Week{}, err
		}
	}
	if w.States, err = r.states(ctx, s); err != nil {
		return alert.Week{}, err
	}
	w.OpenFindings, w.FindingsBySeverity = r.findings(ctx, s)
	w.RefusedLockAttempts = r.refused(ctx, seen, s)
	return w, nil
}

// count reads every lock and release, once, for both weeks.
func (r *Reporter) count(ctx context.Context, seen watched, weeks ...*tally) error {
	released, err := r.released(ctx, weeks[len(weeks)-1].from)
	if err != nil {
		return err
	}
	held, err := r.current(ctx, seen, weeks, released)
	if err != nil {
		return err
	}
	ended, err := r.past(ctx, held, weeks, released)
	if err != nil {
		return err
	}
	r.countEnds(ctx, ended, weeks, released)
	for _, t := range weeks {
		for _, last := range released {
			t.release(last)
		}
	}
	return nil
}

// current counts the locks that are held, and returns their keys. A release that left one half
// of such a lock is not one yet.
func (r *Reporter) current(ctx context.Context, seen watched, weeks []*tally, released lastReleases) (keys, error) {
	held := newKeys()
	for current, err := range r.Scans.Current(ctx) {
		if err != nil {
			return held, err
		}
		held.add(current.Key)
		until, now := seen.until(current.Stores)
		if current.UnnotifiedEnd != nil {
			until = current.UnnotifiedEnd.Ended
		}
		l := ofCurrent(current, until)
		for _, t := range weeks {
			t.lock(l)
		}
		released.stuck(current.Key, current.StuckAt)
		if released[current.Key].Outcome != whole && current.UnnotifiedEnd == nil {
			delete(released, current.Key)
			weeks[0].stillStuck(l, now)
		}
	}
	return held, nil
}

func keyOf(p ledger.Past) ledger.Key { return ledger.Key{Path: p.Path, ID: p.ID} }

// whole is the outcome of a release that left no half.
const whole = string(alert.Whole)

// release is the last release of a lock.
type release struct {
	ledger.Release
	stuckAt time.Time // when the lock became stuck; zero: it did not
	endedAt time.Time // when a scan did not find the lock any more; zero: that is not on record
}

// at is when the lock was gone: one of which we removed a half alone was, when the other had
// gone too.
func (r release) at() time.Time {
	if r.Outcome == whole || r.endedAt.IsZero() {
		return r.At
	}
	return r.endedAt
}

type lastReleases map[ledger.Key]release

// stuck notes when a lock became stuck.
func (r lastReleases) stuck(key ledger.Key, at time.Time) {
	if last, known := r[key]; known {
		last.stuckAt = at
		r[key] = last
	}
}

// noteEnd notes when a lock ended.
func (r lastReleases) noteEnd(key ledger.Key, at time.Time) {
	if last, known := r[key]; known {
		last.endedAt = at
		r[key] = last
	}
}

// released returns the last release of each lock of which a half went, or may have gone,
// through us, and whose end may be seen in a week that begins then: that is when a scan finds
// the lock gone, after days where the monitor did not run.
func (r *Reporter) released(ctx context.Context, from time.Time) (lastReleases, error) {
	last := lastReleases{}
	for recorded, err := range r.Releases.Since(ctx, from.Add(-ledger.KeepPast)) {
		if err != nil {
			return nil, err
		}
		last[recorded.Key] = release{Release: recorded.Release}
	}
	return last, nil
}

// past counts a record of the history.
func (t *tally) past(p ledger.Past) {
	if p.More > 0 {
		t.more(p)
		return
	}
	t.lock(t.ofPast(p))
}

// scanned adds the figures that the scans give.
func (t *tally) scanned(w *alert.Week, seen watched) {
	w.Locks.StuckNow, w.Locks.StuckUnread = t.stuckNow, t.stuckUnread
	w.Locks.Taken, w.Locks.Stuck, w.TimeToResolve, w.ResolvedBy = &t.taken, &t.stuck, resolve(t.resolved), t.resolvedBy()
	held, plans := int64(t.held/time.Second), int64(t.plans/time.Second)
	w.LockSeconds, w.PlanLockSeconds = &held, &plans
	if since := seen.since; since.After(t.from) {
		w.WatchedSince = &since
	}
	w.Locking = t.migration(seen)
}

// compared is what a week is compared with.
func (t *tally) compared(seen watched) *alert.Before {
	b := &alert.Before{Taken: &t.taken, Stuck: &t.stuck, TimeToResolve: resolve(t.resolved), Locking: t.migration(seen)}
	b.Released, _ = t.releasedBy()
	return b
}

// states are what the prunes of the week did; nil where there was none.
func (r *Reporter) states(ctx context.Context, s span) (*alert.WeekStates, error) {
	runs, err := r.Prunes.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var states *alert.WeekStates
	for i, run := range runs {
		if !s.has(run.At) {
			continue
		}
		if states == nil {
			states = &alert.WeekStates{}
		}
		states.Pruned += run.Pruned
		states.Abandoned, states.AtLeast = ledger.Abandoned(runs[:i+1])
	}
	return states, nil
}

// plannedReleases counts the locks whose release was planned in report mode, so that
// nothing came of it; nil unless automatic release only reports, and where half of the time that is left is too little to read them:
// whoever may write a prefix that AutoRelease selects can have any number planned, and everybody's report would wait for them.
func (r *Reporter) plannedReleases(ctx context.Context, s span) (*int, error) {
	n := 0
	work := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		work, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	for planned, err := range r.Plans.PlannedReleases(work) {
		if err != nil && work.Err() != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "planned releases are too many to count, so the report leaves them out", "error", err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if planned.Mode == policy.AutoReport && s.has(planned.At) {
			n++
		}
	}
	if n == 0 && r.AutoMode != policy.AutoReport {
		return nil, nil
	}
	return &n, nil
}

// refused counts the refused lock attempts in the watched tables; nil where they are not
// known.
func (r *Reporter) refused(ctx context.Context, seen watched, s span) *int64 {
	tables, _ := seen.stores()
	if len(tables) == 0 {
		return nil
	}
	n, err := r.Attempts.Refused(ctx, tables, s.from, s.to)
	if err != nil {
		r.Log.WarnContext(ctx, "refused lock attempts are not known, so the report leaves them out", "error", err)
		return nil
	}
	return &n
}
