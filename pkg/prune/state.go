package prune

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// task gives what is to be done about an object, or nil.
func (r *run) task(ctx context.Context, b *backend.Bucket, o backend.Object, versioned bool) func() {
	path := b.Name() + "/" + o.Key
	if key, isLock := strings.CutSuffix(o.Key, tflock.Suffix); isLock && key != "" && r.deletes {
		return func() { r.sweep(ctx, b, b.Name()+"/"+key) }
	}
	if !r.Rules.Paths.Match(o.Key) || o.Modified.After(r.cutoff) {
		return nil
	}
	return func() {
		s, err := r.examine(ctx, b, path, o.Modified, versioned)
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		r.log(ctx, s, err)
		r.tally.add(s, err)
	}
}

// sweep clears a lock that an earlier run of ours left behind. A state that is gone
// already is listed no more, so its lock is found by its object.
func (r *run) sweep(ctx context.Context, b *backend.Bucket, path string) {
	h, found, err := b.Find(ctx, path)
	if err == nil && found && r.leftover(h) {
		r.Log.InfoContext(ctx, "clearing a lock that a run of ours left behind", "path", path, "lock_id", h.Info.ID, "info", h.Info.Info)
		err = r.clear(ctx, b, h)
	}
	if err != nil {
		r.tally.fail(err)
	}
}

// examine judges one stale state and, if it is certainly empty, deletes it. It looks
// without a lock first: a client must not be kept waiting for a state that stays, and
// each lock leaves versions in the bucket. An error means that nothing is known of the
// state; it was then not deleted, or the ledger has it on record.
func (r *run) examine(ctx context.Context, b *backend.Bucket, path string, modified time.Time, versioned bool) (policy.Stale, error) {
	s := policy.Stale{Path: path, Fate: policy.Kept, LastModified: modified.UTC()}
	facts := policy.StateFacts{Versioned: versioned, Locked: r.blind}
	seen, err := r.read(ctx, b, &s, &facts)
	if err != nil {
		return s, err
	}
	if empty := seen.etag != "" && facts.Contents.Condition == tfstate.Empty; !empty || !versioned || r.blind != "" || !r.deletes {
		return s, r.keep(ctx, b, &s, facts, seen)
	}
	h, by, err := r.acquire(ctx, b, path, operationPrune)
	if err != nil {
		return s, err
	}
	if by != "" {
		facts.Locked = by
		return s, r.keep(ctx, b, &s, facts, seen)
	}
	return s, errors.Join(r.decide(ctx, b, &s, facts, seen), r.release(ctx, h))
}

// sight is what identifies the bytes that were judged.
type sight struct {
	etag string // empty: they could not be had
	md5  string
}

// read reads a state and notes what is in it.
func (r *run) read(ctx context.Context, b *backend.Bucket, s *policy.Stale, facts *policy.StateFacts) (sight, error) {
	state, err := b.ReadState(ctx, s.Path, "")
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		facts.Sealed = sealed.Error()
		return sight{}, nil
	}
	if errors.Is(err, backend.ErrGone) {
		facts.Changed = "it is gone since it was listed"
		return sight{}, nil
	}
	if err != nil {
		return sight{}, err
	}
	defer state.Close() //nolint:errcheck // nothing is lost with a body that was read
	if state.ETag == "" {
		facts.Sealed = "its store gave no ETag, so that it could not be deleted safely"
		return sight{}, nil
	}
	sum := md5.New() //nolint:gosec // the clients' own digest is MD5
	if facts.Contents, err = tfstate.Read(io.TeeReader(state, sum)); err != nil {
		return sight{}, err
	}
	s.Serial, s.Lineage, s.VersionID, s.LastModified = facts.Contents.Serial, facts.Contents.Lineage, state.VersionID, state.Modified.UTC()
	s.ManagedObjects, s.Types = facts.Contents.Managed, nil
	for _, t := range facts.Contents.Types[:min(len(facts.Contents.Types), policy.MaxTypes)] {
		s.Types = append(s.Types, policy.TypeCount(t))
	}
	if state.Modified.After(r.cutoff) {
		facts.Changed = "it was written since it was listed"
	}
	return sight{state.ETag, hex.EncodeToString(sum.Sum(nil))}, nil
}

// keep judges a state that will not be deleted, by what can be seen without a lock: in
// a dry run it may be one that would be.
func (r *run) keep(ctx context.Context, b *backend.Bucket, s *policy.Stale, facts policy.StateFacts, seen sight) error {
	err := r.tagged(ctx, b, s.Path, &facts)
	for _, store := range r.storesOf(b) {
		if err != nil || facts.Locked != "" {
			break
		}
		h, found, findErr := store.Find(ctx, s.Path)
		if err = findErr; found && !r.leftover(h) {
			facts.Locked = holder(&h)
		}
	}
	if err == nil && facts.Contents.Condition == tfstate.Empty && r.blind == "" {
		_, err = r.digests(ctx, s.Path, seen, &facts)
	}
	if err != nil {
		return err
	}
	if ok, reason, why := policy.MayPrune(facts); ok {
		s.Fate = policy.WouldPrune
	} else {
		s.Reason, s.Why = reason, why
	}
	return nil
}

// decide reads the state again under our lock, and deletes it if nothing speaks against
// that: the digest first, so that a crash leaves a state that clients can read.
func (r *run) decide(ctx context.Context, b *backend.Bucket, s *policy.Stale, facts policy.StateFacts, seen sight) error {
	now, err := r.read(ctx, b, s, &facts)
	if err != nil {
		return err
	}
	if now != seen {
		facts.Changed = "it was written or removed since it was looked at"
	}
	digests := map[*backend.Table]string{}
	if err = r.tagged(ctx, b, s.Path, &facts); err == nil && facts.Changed == "" {
		digests, err = r.digests(ctx, s.Path, now, &facts)
	}
	if err != nil {
		return err
	}
	ok, reason, why := policy.MayPrune(facts)
	if !ok {
		s.Reason, s.Why = reason, why
		return nil
	}
	return r.deleteState(ctx, b, s, now, digests)
}

// deleteState deletes the digests, then the state, each on condition that it is what was
// read. The record comes first.
func (r *run) deleteState(ctx context.Context, b *backend.Bucket, s *policy.Stale, now sight, digests map[*backend.Table]string) error {
	record := ledger.Pruned{At: r.Now().UTC().Truncate(time.Second), State: *s}
	record.State.Fate = policy.Pruned
	if err := r.Records.RecordPruned(ctx, record); err != nil {
		return err
	}
	changed := func() error {
		s.Reason, s.Why = policy.Changed, "it was written since it was looked at, without a lock"
		return r.Records.ForgetPruned(ctx, s.Path)
	}
	for table, digest := range digests {
		err := table.DeleteDigest(ctx, s.Path, digest)
		if _, other := errors.AsType[*backend.ChangedError](err); other {
			return changed()
		}
		if err != nil && !errors.Is(err, backend.ErrGone) {
			return err
		}
	}
	err := b.DeleteState(ctx, s.Path, now.etag)
	if _, other := errors.AsType[*backend.ChangedError](err); other {
		return changed()
	}
	// Gone means that the answer to our own delete was lost.
	if err != nil && !errors.Is(err, backend.ErrGone) {
		return err
	}
	s.Fate = policy.Pruned
	r.tally.record(record)
	return nil
}

func (r *run) tagged(ctx context.Context, b *backend.Bucket, path string, facts *policy.StateFacts) (err error) {
	facts.Protected, err = b.Tagged(ctx, path, policy.KeepTag)
	if errors.Is(err, backend.ErrGone) {
		facts.Changed, err = "it is gone since it was listed", nil
	}
	return err
}

// digests reads what the tables say that the state is.
func (r *run) digests(ctx context.Context, path string, seen sight, facts *policy.StateFacts) (map[*backend.Table]string, error) {
	found := map[*backend.Table]string{}
	for _, t := range r.Stores.Tables {
		digest, err := t.Digest(ctx, path)
		if err != nil {
			return nil, err
		}
		if digest == "" {
			continue
		}
		found[t] = digest
		if digest != seen.md5 {
			facts.Digest = fmt.Sprintf("the digest in %s is %.64s, but the MD5 of the state is %s", t.ARN(), digest, seen.md5)
		}
	}
	return found, nil
}

// log writes what became of a state, so that no cut of a list loses it.
func (r *run) log(ctx context.Context, s policy.Stale, err error) {
	switch {
	case err != nil:
		r.Log.ErrorContext(ctx, "state could not be handled", "path", s.Path, "error", err)
	case s.Abandoned():
		r.Log.WarnContext(ctx, "stale state still manages infrastructure", "state", s)
	default:
		r.Log.InfoContext(ctx, "stale state", "state", s)
	}
}
