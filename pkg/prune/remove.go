package prune

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// remover deletes stale, empty states under their locks.
type remover struct {
	inspect *inspector
	locks   *statelock.Locker
	gate    *gate
	records records
	tally   *tally
	stopAt  time.Time // no lock is taken after it
	now     func() time.Time
}

// errNoTime says that a state was looked at, and its lock has to wait for the next run.
var errNoTime = errors.New("there was no time left to take its lock")

// remove takes the lock of a state that is empty as far as was seen without it, and
// deletes it if that still holds.
func (r *remover) remove(ctx context.Context, s *inspection) error {
	left, refused := r.gate.enter(s.bucket, s.stale.Path)
	switch {
	case left != "":
		s.keep(policy.KeptLocked, "no lock was taken on it: "+left)
		return nil
	case refused != nil:
		s.keep(refused.reason, refused.why)
		return nil
	case r.now().After(r.stopAt): // it waited for others: what takes its time must not be cut off in the middle
		r.gate.leave(s.bucket, false, nil)
		return errNoTime
	}
	released, err := r.removeRecorded(ctx, s)
	stuck, _ := errors.AsType[*statelock.LeftError](err)
	r.gate.leave(s.bucket, released, stuck)
	return err
}

// removeRecorded records what it is about to do before it takes the lock, so that a later
// run finds whatever a crash leaves. released says that a lock was taken and released.
func (r *remover) removeRecorded(ctx context.Context, s *inspection) (released bool, err error) {
	record := newRecord(r.locks, s.stale, false)
	err = r.records.Record(ctx, record)
	if errors.Is(err, ledger.ErrRecorded) {
		s.facts.WhyLocked = err.Error()
		s.judge()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	lock, err := r.take(ctx, s)
	busy, isBusy := errors.AsType[*statelock.BusyError](err)
	_, isLeft := errors.AsType[*statelock.LeftError](err)
	switch {
	case isBusy && !isLeft:
		s.keep(policy.KeptLocked, busy.Why)
		if busy.Refused != nil {
			r.tally.fail(s.stale.Path, fmt.Errorf("%s: %w", plain.Quoted(s.stale.Path), busy.Refused))
		}
		return false, r.records.Withdraw(ctx, record)
	case err != nil:
		return false, r.recordLeft(ctx, record, err)
	}
	err = r.underLock(ctx, s, lock, record.At)
	if left := r.locks.Release(ctx, lock); left != nil {
		return false, r.recordLeft(ctx, record, errors.Join(err, left))
	}
	return true, r.conclude(ctx, s, record, err)
}

// recordLeft notes which lock is left, so that the next run need not wait for its deadline
// to try again, and takes no other lock before it is gone. It returns the error on.
func (r *remover) recordLeft(ctx context.Context, record ledger.Pruned, err error) error {
	left, ok := errors.AsType[*statelock.LeftError](err)
	if !ok {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statelock.ReleaseTime)
	defer cancel()
	record.Left, record.Until = left.Raw, record.At
	return errors.Join(err, r.records.Record(ctx, record))
}

// take takes the lock of the state. The first lock in a bucket is released at once and
// taken again: no digest may go before it is known that a lock can be released.
func (r *remover) take(ctx context.Context, s *inspection) (*statelock.Held, error) {
	if !r.gate.proven(s.bucket) {
		lock, err := r.locks.Acquire(ctx, s.bucket, s.stale.Path, statelock.Prune, s.encryption)
		if err != nil {
			return nil, err
		}
		if err := r.locks.Release(ctx, lock); err != nil {
			return nil, err
		}
	}
	return r.locks.Acquire(ctx, s.bucket, s.stale.Path, statelock.Prune, s.encryption)
}

// conclude brings the record in line with what happened to the state.
func (r *remover) conclude(ctx context.Context, s *inspection, record ledger.Pruned, err error) error {
	switch {
	case err == nil && s.stale.Fate == policy.Pruned:
		record.State, record.Lost = s.stale, s.stale.VersionID == ""
		r.tally.deleted(record)
		return nil
	case err == nil:
		return r.records.Withdraw(ctx, record)
	}
	// Whether it was deleted is not known: the next run need not wait to find out.
	record.Until = record.At
	return errors.Join(err, r.records.Record(ctx, record))
}

// underLock reads the state again, and deletes its digests and then the state, each on
// condition that it is what was judged: a crash in between leaves a state that clients can
// read.
func (r *remover) underLock(ctx context.Context, s *inspection, lock *statelock.Held, since time.Time) error {
	etag, sum := s.etag, s.md5
	// Somebody may wait for the lock, so it is read no further than to the first managed
	// object: then it is not the one that was judged.
	if err := r.inspect.read(ctx, s, tfstate.Probe); err != nil {
		return err
	}
	if s.facts.Read && (s.etag != etag || s.md5 != sum) {
		s.facts.WhyChanged = written
	}
	still, err := r.locks.StillHeld(ctx, s.bucket, lock)
	if err != nil {
		return err
	}
	if !still {
		s.facts.WhyLocked = "our own lock on it was taken away"
	}
	if err := r.inspect.readNewDigests(ctx, s); err != nil {
		return err
	}
	if !s.judge() {
		return nil
	}
	for _, d := range s.digests {
		err := d.table.DeleteDigest(ctx, d.name, d.value)
		if _, changed := errors.AsType[*backend.ChangedError](err); changed {
			s.keep(policy.KeptChanged, writtenUnderLock)
			return nil
		}
		if err != nil && !errors.Is(err, backend.ErrGone) {
			return errors.Join(err, restoreDigests(ctx, s))
		}
	}
	return r.deleteState(ctx, s, since)
}

const writtenUnderLock = "it was written under our lock, by a run that takes none"

func (r *remover) deleteState(ctx context.Context, s *inspection, since time.Time) error {
	deleted, err := s.bucket.DeleteState(ctx, s.stale.Path, s.etag)
	failed, isFailure := errors.AsType[*backend.Error](err)
	_, changed := errors.AsType[*backend.ChangedError](err)
	switch {
	case err == nil:
		r.noteDeleted(s, deleted.Marker)
		return nil
	case changed:
		s.keep(policy.KeptChanged, writtenUnderLock)
		return nil
	case isFailure && failed.Refused():
		// It is the same for every state here, so that no other one is locked for nothing.
		r.gate.refuse(s.bucket, policy.KeptProtected, "deleting states in its bucket was refused: "+failed.Error())
		r.tally.fail(s.stale.Path, fmt.Errorf("%s: %w", plain.Quoted(s.stale.Path), err))
		s.keep(policy.KeptProtected, "deleting it was refused: "+failed.Error())
		return restoreDigests(ctx, s)
	}
	return r.lookBack(ctx, s, since, err)
}

// lookBack finds out what a delete did whose answer was lost, from the version history.
func (r *remover) lookBack(ctx context.Context, s *inspection, since time.Time, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statelock.ReleaseTime)
	defer cancel()
	history, err := s.bucket.History(ctx, s.stale.Path, s.stale.VersionID)
	if err != nil {
		return errors.Join(failed, err)
	}
	switch past, next := pastOf(history, s.stale.VersionID); {
	case past == wasDeleted:
		r.noteDeleted(s, next.ID)
		return nil
	case past == wasOverwritten:
		s.keep(policy.KeptChanged, writtenUnderLock)
		return nil
	case past == isCurrent:
		return errors.Join(failed, restoreDigests(ctx, s))
	case replaced(history, s.stale.VersionID, since):
		r.noteDeleted(s, nullVersion)
		return nil
	}
	return fmt.Errorf("whether it was pruned is not known, since the version that was to be deleted is not in the history of its bucket any more: %w", failed)
}

// noteDeleted notes that the state is deleted, and by its delete marker whether it can be
// restored. Versioning may have been suspended since the run began; then nothing else is
// deleted in that bucket.
func (r *remover) noteDeleted(s *inspection, marker string) {
	s.stale.Fate = policy.Pruned
	switch {
	case marker != "" && marker != nullVersion:
		return
	case marker == nullVersion && s.stale.VersionID != nullVersion:
		s.stale.Why = "its bucket's versioning was suspended meanwhile; its bytes are still version " + s.stale.VersionID + ", and can be restored"
	default:
		s.stale.Why = "its bucket's versioning was suspended or off by then: S3 kept no version of its bytes, and it cannot be restored"
		s.stale.VersionID = ""
	}
	r.gate.refuse(s.bucket, policy.KeptUnversioned, "its bucket's versioning was suspended during this run, so that a delete could not be undone")
	r.tally.fail(s.stale.Path, fmt.Errorf("%s was deleted, but %s", plain.Quoted(s.stale.Path), s.stale.Why))
}

// restoreDigests writes back the digests that were removed for a delete that did not come.
// It may be called for digests that are still there.
func restoreDigests(ctx context.Context, s *inspection) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statelock.ReleaseTime)
	defer cancel()
	var errs []error
	for _, d := range s.digests {
		if err := d.table.RestoreDigest(ctx, d.name, d.value); err != nil {
			errs = append(errs, fmt.Errorf("its digest is removed and could not be written back, so that clients only warn: %w", err))
		}
	}
	return errors.Join(errs...)
}
