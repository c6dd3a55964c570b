package unlock

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Finisher finishes the releases and refusals that an invocation could not: it died, or
// an answer was lost, or the topic was down.
type Finisher struct {
	Releases unfinished
	Composer alert.Composer
	Topic    publisher
	Meter    meter
	Guard    time.Duration // the ReleaseGuard
	Log      *slog.Logger
}

type unfinished interface {
	Write(ctx context.Context, key ledger.Key, r ledger.Release) error
	Unfinished(ctx context.Context, id string) iter.Seq2[ledger.Recorded, error]
}

// Outcomes on record that no caller got.
const (
	notReleased = "not_released" // the lock turned out to be there still
	notKnown    = "unknown"      // whether it is cannot be found out
)

// finishAtOnce is how many records are finished at once: a topic may take all the time that there
// is for one of them.
const finishAtOnce = 8

// Finish finishes each record that was made before the time until, of one lock ID or of
// all with an empty one. fateOf is asked about the halves whose end is unknown, of several records
// at once. What cannot be finished now stays for the next time; it is an error where a store or
// the ledger could not be asked.
func (f Finisher) Finish(ctx context.Context, id string, until time.Time, fateOf ledger.FateOf) ([]ledger.Recorded, error) {
	var (
		group    errgroup.Group
		mu       sync.Mutex
		errs     []error
		finished []ledger.Recorded
	)
	group.SetLimit(finishAtOnce)
	for one, err := range f.Releases.Unfinished(ctx, id) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
			break
		}
		if one.Release.At.After(until) {
			continue // it is working
		}
		group.Go(func() error {
			done, err := f.finish(ctx, &one, f.patient(fateOf, until))
			mu.Lock()
			defer mu.Unlock()
			if errs = append(errs, err); done {
				finished = append(finished, one)
			}
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	slices.SortStableFunc(finished, func(a, b ledger.Recorded) int { return a.Release.At.Compare(b.Release.At) })
	return finished, errors.Join(errs...)
}

// Absorb finishes the earlier records of a lock without an event: the event of a
// later release of it covers them. It does not where a half was in a place that nobody can
// look at, and that the later event did not name: people are notified of that one.
func (f Finisher) Absorb(ctx context.Context, key ledger.Key, until time.Time, fateOf ledger.FateOf, named halves) error {
	var errs []error
	for one, err := range f.Releases.Unfinished(ctx, key.ID) {
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if one.Key != key || !one.Release.At.Before(until) {
			continue
		}
		if known, err := settle(ctx, &one, fateOf); !known {
			errs = append(errs, err)
			continue
		}
		if slices.ContainsFunc(one.Release.Halves, func(h ledger.Half) bool { return h.Fate == ledger.HalfUnknown && !named.in(h.Store) }) {
			errs = append(errs, f.publish(ctx, one))
			continue
		}
		one.Release.Finished = true
		errs = append(errs, f.Releases.Write(ctx, key, one.Release))
	}
	return errors.Join(errs...)
}

// patient waits for the guard before a row alone counts as kept whose delete got no answer: its client, which waited for it, may have taken it again
// with the same bytes, and by then what is there is old enough, whichever it is.
func (f Finisher) patient(fateOf ledger.FateOf, now time.Time) ledger.FateOf {
	return func(ctx context.Context, store string, one ledger.Recorded) (ledger.HalfFate, string, error) {
		fate, why, err := fateOf(ctx, store, one)
		r := one.Release
		alone := !slices.ContainsFunc(r.Halves, func(h ledger.Half) bool { return h.Kind == tflock.S3 })
		if fate == ledger.HalfKept && alone && now.Sub(r.At) < f.Guard {
			return "", "", nil
		}
		return fate, why, err
	}
}

func (f Finisher) finish(ctx context.Context, one *ledger.Recorded, fateOf ledger.FateOf) (done bool, err error) {
	if known, err := settle(ctx, one, fateOf); !known {
		return false, err
	}
	r := one.Release
	f.Log.WarnContext(ctx, "a release was finished later", "path", one.Key.Path, "lock_id", one.Key.ID, "outcome", r.Outcome, "record", brief(r))
	err = f.publish(ctx, *one)
	return err == nil, err
}

// settle finds out how the halves ended whose end is unknown. known says that the record need
// not wait: each half ended, or how cannot be known.
func settle(ctx context.Context, one *ledger.Recorded, fateOf ledger.FateOf) (known bool, err error) {
	r := &one.Release
	if !r.Any(ledger.HalfUnknown) {
		return true, nil
	}
	r.Halves = slices.Clone(r.Halves)
	for i, h := range r.Halves {
		if h.Fate != ledger.HalfUnknown {
			continue
		}
		fate, why, err := fateOf(ctx, h.Store, *one)
		if err != nil || fate == "" {
			return false, err
		}
		if r.Halves[i].Fate = fate; fate == ledger.HalfUnknown {
			r.Why = why
		}
	}
	switch went := r.Any(ledger.HalfRemoved, ledger.HalfGone); {
	case !went && r.Any(ledger.HalfUnknown):
		r.Outcome = notKnown
	case !went:
		r.Outcome = notReleased
	case r.Any(ledger.HalfKept, ledger.HalfUnknown, ledger.HalfUnwatched):
		r.Outcome = string(Partial)
	default:
		r.Outcome = string(Released)
	}
	return true, nil
}

// publish notifies of what a record says, and records that it is finished.
func (f Finisher) publish(ctx context.Context, one ledger.Recorded) error {
	r := one.Release
	if event, ok := f.event(r); ok {
		if err := f.Topic.Publish(ctx, event); err != nil {
			return errors.Join(err, f.Releases.Write(ctx, one.Key, r))
		}
	}
	r.Finished = true
	errs := []error{f.Releases.Write(ctx, one.Key, r)}
	if r.Outcome == string(Released) && r.Any(ledger.HalfRemoved) {
		errs = append(errs, f.Meter.CountReleased(ctx, 1, r.At))
	}
	return errors.Join(errs...)
}

// event is the event of a record, and false for a release that changed nothing: the lock is
// still there, and its alerts go on.
func (f Finisher) event(r ledger.Release) (alert.Event, bool) {
	if r.Outcome == string(Refused) {
		return f.Composer.Refused(r.Description, r.RequestedBy, r.Why, r.At), true
	}
	release := alert.Release{RequestedBy: r.RequestedBy, Reason: r.Reason, Forced: r.Forced}
	switch gone := r.Any(ledger.HalfRemoved, ledger.HalfGone); {
	case gone && r.Any(ledger.HalfUnknown, ledger.HalfUnwatched):
		release.Outcome, release.Why = alert.Partly, r.Why
	case r.Any(ledger.HalfUnknown):
		release.Outcome, release.Why = alert.Unknown, r.Why
	case !gone:
		return alert.Event{}, false
	case r.Outcome != string(Released):
		release.Outcome = alert.Partly
	case !r.Any(ledger.HalfRemoved):
		release.Outcome = alert.Gone
	default:
		release.Outcome = alert.Whole
	}
	return f.Composer.Released(r.Description, release, r.At), true
}
