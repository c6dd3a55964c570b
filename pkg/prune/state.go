package prune

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// state is one stale state while it is looked at.
type state struct {
	policy.Stale
	bucket  *backend.Bucket
	facts   policy.StateFacts
	etag    string // of the bytes that were judged; empty: they could not be had
	md5     string
	digests digests          // read before it
	tables  []*backend.Table // those that have a digest of it
}

// handle examines one state, and counts and logs what became of it.
func (r *run) handle(ctx context.Context, c candidate, known digests) error {
	s := &state{
		Stale:  policy.Stale{Path: c.path, Fate: policy.Kept, LastModified: c.modified.UTC()},
		bucket: c.bucket, facts: policy.StateFacts{Versioned: c.versioned, Locked: r.blind}, digests: known,
	}
	err := r.examine(ctx, s)
	if err != nil {
		err = fmt.Errorf("%s: %w", s.Path, err)
		if s.Fate == policy.Kept && s.Reason == "" && s.ManagedObjects > 0 {
			s.Reason, s.Why = policy.HasResources, "it manages resources; not everything else could be looked at"
		}
	}
	switch {
	case err != nil:
		r.Log.ErrorContext(ctx, "state could not be handled", "path", s.Path, "error", err)
	case s.Abandoned():
		r.Log.WarnContext(ctx, "stale state still manages infrastructure", "state", s.Stale)
	default:
		r.Log.InfoContext(ctx, "stale state", "state", s.Stale)
	}
	r.tally.add(s.Stale, err)
	return err
}

// examine judges one stale state and, if it is certainly empty, deletes it. It looks
// without a lock first: a client must not be kept waiting for a state that stays, and
// each lock leaves versions in the bucket. After an error nothing more is known of the
// state; it was then not deleted, or the ledger has it on record.
func (r *run) examine(ctx context.Context, s *state) error {
	if err := r.look(ctx, s); err != nil {
		return err
	}
	ok := s.judge()
	if ok && r.deletes {
		return r.deleteUnderLock(ctx, s)
	}
	if !ok && (s.Reason == policy.Protected || s.Reason == policy.Unversioned || s.Reason == policy.Locked) {
		return nil // whoever holds a lock on it, it stays for that
	}
	for _, store := range r.storesOf(s.bucket) {
		h, found, err := store.Find(ctx, s.Path)
		if err != nil {
			return err
		}
		if found && !r.leftover(h) {
			s.facts.Locked = holder(&h)
			break
		}
	}
	if s.judge() {
		s.Fate = policy.WouldPrune
	}
	return nil
}

// judge notes the first reason that keeps the state, and says whether there is none.
func (s *state) judge() (ok bool) {
	ok, s.Reason, s.Why = policy.MayPrune(s.facts)
	if ok {
		s.Why = ""
	}
	return ok
}

// look gathers all facts but the locks.
func (r *run) look(ctx context.Context, s *state) error {
	if err := r.read(ctx, s, tfstate.Read); err != nil { // to its end, for the report
		return err
	}
	var err error
	s.facts.Protected, err = s.bucket.Tagged(ctx, s.Path, policy.KeepTag)
	if errors.Is(err, backend.ErrGone) {
		s.facts.Changed, err = gone, nil
	}
	if err != nil || s.facts.Contents.Condition != tfstate.Empty || r.blind != "" {
		return err
	}
	for _, t := range r.Stores.Tables {
		digest, err := s.digest(ctx, t)
		if err != nil {
			return err
		}
		if digest != "" && digest != s.md5 {
			s.facts.Digest = fmt.Sprintf("the digest in %s is %.64s, but the MD5 of the state is %s", t.ARN(), digest, s.md5)
		}
		if digest != "" {
			s.tables = append(s.tables, t)
		}
	}
	return nil
}

const (
	gone    = "it is gone since it was listed"
	written = "it was written since it was listed"
)

// read has the state judged, notes what is in it, and forgets what it said before.
func (r *run) read(ctx context.Context, s *state, judge func(io.Reader) (tfstate.Summary, error)) error {
	s.etag, s.md5, s.facts.Read, s.facts.Contents = "", "", false, tfstate.Summary{}
	body, err := s.bucket.ReadState(ctx, s.Path, "")
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		s.facts.Sealed = sealed.Error()
		if sealed.Denied { // nobody would hear otherwise that these states are not looked at
			r.tally.fail(fmt.Errorf("%s: %w", s.Path, sealed.Err))
		}
		return nil
	}
	if errors.Is(err, backend.ErrGone) {
		s.facts.Changed = gone
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if body.ETag == "" {
		s.facts.Sealed = "its store gave no ETag, so that it could not be deleted safely"
		return nil
	}
	sum := md5.New() //nolint:gosec // the clients' own digest is MD5
	if s.facts.Contents, err = judge(io.TeeReader(body, sum)); err != nil {
		return err
	}
	s.facts.Read, s.etag, s.md5 = true, body.ETag, hex.EncodeToString(sum.Sum(nil))
	s.Serial, s.Lineage, s.VersionID, s.LastModified = s.facts.Contents.Serial, s.facts.Contents.Lineage, body.VersionID, body.Modified.UTC()
	s.ManagedObjects, s.Types = s.facts.Contents.Managed, nil
	for _, t := range s.facts.Contents.Types[:min(len(s.facts.Contents.Types), policy.MaxTypes)] {
		s.Types = append(s.Types, policy.TypeCount(t))
	}
	if body.Modified.After(r.cutoff) {
		s.facts.Changed = written
	}
	return nil
}

// deleteUnderLock takes the lock, reads the state again, and deletes it if its bytes are
// those that were judged. The record comes before the lock.
func (r *run) deleteUnderLock(ctx context.Context, s *state) error {
	record := r.record(s.Stale, false)
	err := r.Records.RecordPruned(ctx, record)
	if errors.Is(err, ledger.ErrRecorded) {
		s.facts.Changed = err.Error()
		s.judge()
		return nil
	}
	if err != nil {
		return err
	}
	lock, by, err := r.acquire(ctx, s.bucket, s.Path, operationPrune)
	if err != nil {
		return err
	}
	if by != "" {
		s.facts.Locked = by
		s.judge()
		return r.Records.WithdrawPruned(ctx, record)
	}
	err = r.deleteState(ctx, s, lock)
	released := r.release(ctx, lock)
	switch {
	case err == nil && s.Fate == policy.Pruned && released == nil:
		r.tally.deleted(record)
	case err == nil && s.Fate == policy.Kept && released == nil:
		err = r.Records.WithdrawPruned(ctx, record)
	case released == nil: // whether it was deleted is not known: the next run need not wait to find out
		record.Until = record.At
		err = errors.Join(err, r.Records.RecordPruned(ctx, record))
	}
	return errors.Join(err, released)
}

// deleteState deletes the digests, then the state, each on condition that it is what was
// judged: a crash in between leaves a state that clients can read.
func (r *run) deleteState(ctx context.Context, s *state, lock *held) error {
	etag, sum := s.etag, s.md5
	// Under the lock, where somebody may wait, it is read no further than to the first
	// managed object: then it is not the one that was judged.
	if err := r.read(ctx, s, tfstate.Probe); err != nil {
		return err
	}
	if s.facts.Read && (s.etag != etag || s.md5 != sum) {
		s.facts.Changed = written
	}
	ours, err := r.ours(ctx, s.bucket, lock)
	if err != nil {
		return err
	}
	if !ours {
		s.facts.Locked = "our own lock on it was taken away"
	}
	if !s.judge() {
		return nil
	}
	changed := func() error {
		s.Reason, s.Why = policy.Changed, "it was written under our lock, by a run that takes none"
		return nil
	}
	for _, table := range s.tables {
		err := table.DeleteDigest(ctx, s.Path, s.md5)
		if _, other := errors.AsType[*backend.ChangedError](err); other {
			return changed()
		}
		if err != nil && !errors.Is(err, backend.ErrGone) {
			return err
		}
	}
	_, err = s.bucket.DeleteState(ctx, s.Path, s.etag)
	if _, other := errors.AsType[*backend.ChangedError](err); other {
		return changed()
	}
	// Gone means that the answer to our own delete was lost.
	if err != nil && !errors.Is(err, backend.ErrGone) {
		return err
	}
	s.Fate = policy.Pruned
	return nil
}
