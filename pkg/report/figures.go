package report

import (
	"context"
	"slices"
	"strings"
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
	week, before := newTally(s), newTally(s.before())
	if err := r.count(ctx, seen, week, before); err != nil {
		return alert.Week{}, err
	}
	w := alert.Week{From: s.from, To: s.to, MostStuck: week.mostStuck()}
	w.Locks.Released, w.Locks.ReleasedBy = week.releasedBy()
	w.Locks.ReleasedFresh, w.Locks.StuckBefore = week.fresh, week.older
	if seen.any(s) {
		week.scanned(&w, watch)
		w.UnwatchedSeconds, w.Unread = int64(s.in(seen.silent)/time.Second), seen.unread(s)
		if seen.comparable(s, before.span) {
			w.WeekBefore = before.compared(watch)
		}
		if w.WouldHaveReleased, err = r.wouldHaveReleased(ctx, s); err != nil {
			return alert.Week{}, err
		}
	}
	if w.States, err = r.states(ctx, s); err != nil {
		return alert.Week{}, err
	}
	w.OpenFindings, w.FindingsBySeverity = r.findings(ctx, s)
	w.RefusedLockAttempts = r.refused(ctx, watch, s)
	return w, nil
}

// count reads every lock and release, once, for both weeks.
func (r *Reporter) count(ctx context.Context, seen watched, weeks ...*tally) error {
	released, err := r.released(ctx, weeks[len(weeks)-1].from)
	if err != nil {
		return err
	}
	if err := r.current(ctx, seen, weeks, released); err != nil {
		return err
	}
	ended, err := r.past(ctx, weeks, released)
	if err != nil {
		return err
	}
	r.ended(ctx, ended, weeks, released)
	for _, t := range weeks {
		for _, last := range released {
			t.release(last.Release, last.stuckAt)
		}
	}
	return nil
}

// current counts the locks that are held. A release that left one half of such a lock is
// not one yet.
func (r *Reporter) current(ctx context.Context, seen watched, weeks []*tally, released lastReleases) error {
	for current, err := range r.Scans.Current(ctx) {
		if err != nil {
			return err
		}
		for _, t := range weeks {
			t.lock(ofCurrent(current, seen.until(current.Stores)))
		}
		if !current.StuckAt.IsZero() {
			weeks[0].stuckNow++
		}
		released.stuck(current.Key, current.StuckAt)
		if last := released[current.Key]; last.Outcome != whole {
			delete(released, current.Key)
		}
	}
	return nil
}

// past counts the locks that have ended, and gives those whose end is counted too: the
// stuck ones that ended in one of the weeks, and those that were released through us.
func (r *Reporter) past(ctx context.Context, weeks []*tally, released lastReleases) ([]ledger.Past, error) {
	var ended []ledger.Past
	for past, err := range r.History.Past(ctx) {
		if err != nil {
			return nil, err
		}
		released.stuck(keyOf(past), past.StuckAt)
		counts := past.Resolved || certain(released[keyOf(past)].Release)
		for _, t := range weeks {
			t.past(past)
			if counts && t.has(past.Ended) {
				ended = append(ended, past)
			}
		}
	}
	return ended, nil
}

// ended counts the ends of locks, with who removed each.
func (r *Reporter) ended(ctx context.Context, ended []ledger.Past, weeks []*tally, released lastReleases) {
	var others []ledger.Past // not released through us for certain
	for _, past := range ended {
		if !certain(released[keyOf(past)].Release) {
			others = append(others, past)
		}
	}
	slices.SortStableFunc(others, func(a, b ledger.Past) int { return b.Ended.Compare(a.Ended) }) // this week's first
	events := r.removals(ctx, others)
	for _, past := range ended {
		release := released[keyOf(past)].Release
		by := through(release)
		if !certain(release) {
			event, seen := events[objectOf(past)]
			by = remover(past, event, seen, release)
		}
		for _, t := range weeks {
			t.ended(past, by, certain(release))
		}
	}
}

func keyOf(p ledger.Past) ledger.Key { return ledger.Key{Path: p.Path, ID: p.ID} }

// whole is the outcome of a release that left no half.
const whole = string(alert.Whole)

// release is the last release of a lock.
type release struct {
	ledger.Release
	stuckAt time.Time // when the lock became stuck; zero: it did not
}

type lastReleases map[ledger.Key]release

// stuck notes when a lock became stuck.
func (r lastReleases) stuck(key ledger.Key, at time.Time) {
	if last, known := r[key]; known {
		last.stuckAt = at
		r[key] = last
	}
}

// released gives the last release of each lock of which a half went, or may have gone,
// through us, and whose end may be seen in a week that begins then: that is when a scan finds
// the lock gone, after days where the monitor did not run.
func (r *Reporter) released(ctx context.Context, from time.Time) (lastReleases, error) {
	last := lastReleases{}
	for recorded, err := range r.Releases.Since(ctx, from.Add(-ledger.KeepPast)) {
		if err != nil {
			return nil, err
		}
		if known, ok := last[recorded.Key]; ok && known.At.After(recorded.Release.At) {
			continue
		}
		recorded.Release.Held = nil // its bytes, which nobody needs here
		recorded.Release.Finding = policy.Finding{}
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
	t.lock(ofPast(p))
}

// scanned adds the figures that the scans give.
func (t *tally) scanned(w *alert.Week, watch ledger.Watch) {
	w.Locks.StuckNow = t.stuckNow
	w.Locks.Taken, w.Locks.Stuck, w.TimeToResolve, w.ResolvedBy = &t.taken, &t.stuck, resolve(t.resolved), t.resolvedBy()
	held, plans := int64(t.held/time.Second), int64(t.plans/time.Second)
	w.LockSeconds, w.PlanLockSeconds = &held, &plans
	if since := watch.Since; since.After(t.from) {
		w.WatchedSince = &since
	}
	w.Locking = t.migration(watch)
}

// compared is what a week is compared with.
func (t *tally) compared(watch ledger.Watch) *alert.Before {
	b := &alert.Before{Taken: &t.taken, Stuck: &t.stuck, TimeToResolve: resolve(t.resolved), Locking: t.migration(watch)}
	b.Released, _ = t.releasedBy()
	return b
}

// stores gives the watched tables, by ARN, and whether any bucket is watched.
func stores(watch ledger.Watch) (tables []string, buckets bool) {
	for arn := range watch.Stores {
		switch {
		case strings.Contains(arn, "*"): // a pattern: what it matches is there too
		case strings.Contains(arn, ":table/"):
			tables = append(tables, arn)
		default:
			buckets = true
		}
	}
	return tables, buckets
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

// wouldHaveReleased counts the locks whose release was planned in report mode, so that
// nothing came of it; nil unless automatic release only reports.
func (r *Reporter) wouldHaveReleased(ctx context.Context, s span) (*int, error) {
	n := 0
	for planned, err := range r.Plans.PlannedReleases(ctx) {
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
func (r *Reporter) refused(ctx context.Context, watch ledger.Watch, s span) *int64 {
	tables, _ := stores(watch)
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
