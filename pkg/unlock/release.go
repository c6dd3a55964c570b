package unlock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// release removes every half of a lock that is watched. The record, with the bytes, is made
// before. It fails when nothing went for certain.
func (u *Unlocker) release(ctx context.Context, l tflock.Lock, d policy.Description, record ledger.Release, concerns []error, unwatched halves, behind []string) (Answer, error) {
	key := ledger.KeyOf(l)
	record.Outcome, record.Halves = ledger.Releasing, append(halvesToRelease(l), unwatched.record()...)
	record.Why = unwatched.why()
	if err := u.Releases.Write(ctx, key, record); err != nil {
		return Answer{}, fmt.Errorf("nothing was released: no lock is released without a record in the ledger: %w", err)
	}
	planned := record.Halves
	all := append(u.remove(ctx, l, behind, func(ended halves) {
		record.Halves = withEnded(planned, ended)
		u.recordGone(ctx, key, record)
	}), unwatched...)
	record.Halves = all.record()
	record.Outcome = string(outcome(record, concerns))
	u.recordGone(ctx, key, record)
	a := u.answer(ctx, d, all, record, concerns)
	u.Log.WarnContext(ctx, "lock released", "path", l.Path, "lock_id", tflock.BoundedID(l.ID), "outcome", a.Outcome, "record", brief(record))
	if !record.Any(ledger.HalfRemoved, ledger.HalfGone) {
		return u.nothingWent(ctx, key, record, all, a)
	}
	// The lock is gone by now: what fails here must not make the caller believe it is not.
	if err := u.publish(ctx, key, record); err != nil {
		u.Log.ErrorContext(ctx, "the release was not published or recorded", "error", err)
		a.NextSteps = append(a.NextSteps, "Nothing more to do for the record: the release was not published or recorded everywhere, and the next scan, or the same call again, does that ("+err.Error()+").")
	}
	return a, nil
}

// withEnded are the halves of a release under way, of which some ended.
func withEnded(planned []ledger.Half, ended halves) []ledger.Half {
	all := ended.record()
	for _, h := range planned {
		if !ended.in(h.Store) {
			all = append(all, h)
		}
	}
	return all
}

// recordGone records what went before the release waits for a replica, and before the answer reads the state, which may take longer than the caller waits: the repeat must
// know that the lock which it finds was taken since. See takenAgain.
func (u *Unlocker) recordGone(ctx context.Context, key ledger.Key, record ledger.Release) {
	if !record.Any(ledger.HalfRemoved, ledger.HalfGone) {
		return
	}
	if err := u.Releases.Write(ctx, key, record); err != nil { // it is written again with the answer
		u.Log.ErrorContext(ctx, "the record was not brought up to date", "error", err)
	}
}

// nothingWent ends a release in which no half is known to be gone.
func (u *Unlocker) nothingWent(ctx context.Context, key ledger.Key, record ledger.Release, all halves, a Answer) (Answer, error) {
	record.Finished = !record.Any(ledger.HalfUnknown)
	if err := u.Releases.Write(ctx, key, record); err != nil {
		u.Log.ErrorContext(ctx, "the record was not brought up to date", "error", err)
	}
	if record.Any(ledger.HalfUnknown, ledger.HalfChanged) {
		return a, nil
	}
	return Answer{}, fmt.Errorf("nothing was released, and it is safe to repeat: %w", errors.Join(all.causes()...))
}

// publish notifies of a release and records that it is finished. One in which a half
// is unknown stays unfinished, and is published once that is known.
func (u *Unlocker) publish(ctx context.Context, key ledger.Key, record ledger.Release) error {
	if record.Any(ledger.HalfUnknown) {
		return u.Releases.Write(ctx, key, record)
	}
	return u.finisher().publish(ctx, ledger.Recorded{Key: key, Release: record})
}

// outcome is what a release came to.
func outcome(record ledger.Release, concerns []error) Outcome {
	switch {
	case record.Any(ledger.HalfChanged):
		return Changed
	case record.Any(ledger.HalfUnknown, ledger.HalfKept, ledger.HalfUnwatched) || len(concerns) > 0:
		return Partial
	default:
		return Released
	}
}

// holderOf names who holds a lock, as a sentence has it.
func holderOf(d policy.Description) string {
	return cmp.Or(plain.Quoted(plain.Line(d.Who, 120)), "an unknown holder")
}

func (u *Unlocker) answer(ctx context.Context, d policy.Description, all halves, record ledger.Release, concerns []error) Answer {
	a := Answer{Outcome: outcome(record, concerns), Lock: &d, Released: record.Kinds(ledger.HalfRemoved, ledger.HalfGone)}
	holder, path, repeat := holderOf(d), plain.Quoted(d.Path), "Repeat the same call: it is safe, and finishes what is left."
	switch {
	case record.Any(ledger.HalfChanged):
		a.Message, a.NextSteps = anotherLock(all.winner())
		return a
	case record.Any(ledger.HalfUnknown):
		a.Message = fmt.Sprintf("It is not known whether the lock of %s on %s is gone: %v.", holder, path, errors.Join(all.causes()...))
	case a.Outcome == Partial:
		a.Message = fmt.Sprintf("Only a part of the lock of %s on %s was released: %v.", holder, path, errors.Join(append(all.causes(), concerns...)...))
	default:
		repeat = ""
		a.Message = fmt.Sprintf("Released: the lock of %s on %s, held for %s.", holder, path, age(d))
		if !record.Any(ledger.HalfRemoved) {
			a.Message = fmt.Sprintf("The lock of %s on %s is gone; whether by this release or by its holder is not known.", holder, path)
		}
	}
	if repeat != "" {
		a.NextSteps = append(a.NextSteps, repeat)
	}
	a.NextSteps = slices.Concat(a.NextSteps, unwatchedSteps(all.of(ledger.HalfUnwatched)), u.afterRelease(ctx, d))
	return a
}

func age(d policy.Description) string {
	least := time.Duration(d.HeldAtLeastSeconds) * time.Second
	return policy.Judgement{Held: d.Held(), HeldAtLeast: least}.Age()
}

// brief is a record for the log, without the lock's bytes: the ledger has those.
func brief(r ledger.Release) ledger.Release {
	r.Held = nil
	return r
}
