package prune

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// inspection is one stale state while it is looked at.
type inspection struct {
	candidate  *candidate
	stale      policy.Stale
	facts      policy.StateFacts
	bucket     *backend.Bucket
	etag       string // of the bytes that were judged; empty: they could not be read
	md5        string
	encryption backend.Encryption
	known      digests    // read before it
	digests    []digestAt // those that the tables have of it
}

// digestAt is where a table has a digest: at the state's path, or at an alias of it.
type digestAt struct {
	table *backend.Table
	name  tflock.Path
	value string
}

// inspector gathers the facts of stale states, and judges them.
type inspector struct {
	tables []*backend.Table
	locks  *statelock.Locker
	rules  Rules
	cutoff time.Time // a state that was written after it is not stale
	unsure string    // why nothing may be deleted at all; empty: it may
	tally  *tally

	conditions *conditions
}

func newInspection(c *candidate, known digests) *inspection {
	return &inspection{
		candidate: c, stale: policy.Stale{Path: c.path, Fate: policy.Kept, LastModified: c.modified.UTC()},
		bucket: c.bucket, facts: policy.StateFacts{Versioned: c.versioned}, known: known,
	}
}

// judge notes the first reason that keeps the state, and reports whether there is none.
func (s *inspection) judge() (ok bool) {
	ok, s.stale.Reason, s.stale.Why = policy.MayPrune(s.facts)
	if ok {
		s.stale.Why = ""
	}
	return ok
}

// keep notes a reason that no other fact comes before.
func (s *inspection) keep(reason policy.KeptReason, why string) {
	s.stale.Reason, s.stale.Why = reason, why
}

// inspect gathers all facts but the locks, and judges by them. It looks without a lock: a
// client must not be kept waiting for a state that stays.
func (i *inspector) inspect(ctx context.Context, s *inspection) (ok bool, err error) {
	s.facts.WhyLocked = i.unsure
	if s.facts.WhyLocked == "" && !s.bucket.Lockable(s.stale.Path) {
		s.facts.WhyLocked = "the name of its lock object would be longer than the 1,024 bytes that S3 allows, so that it cannot be locked"
	}
	if s.facts.WhyLocked == "" {
		s.facts.WhyLocked = i.locks.Crowded(s.stale.Path)
	}
	if err := i.read(ctx, s, tfstate.Read); err != nil { // to its end, for the report
		return false, err
	}
	s.facts.Protected, err = s.bucket.Tagged(ctx, s.stale.Path, policy.KeepTag)
	if errors.Is(err, backend.ErrGone) {
		s.facts.WhyChanged, err = gone, nil
	}
	if err == nil && s.facts.Contents.Condition == tfstate.Empty && s.facts.WhyLocked == "" {
		err = i.readDigests(ctx, s)
	}
	return err == nil && s.judge(), err
}

// readDigests notes every digest that a watched table has of the state, up to one that is not the state's: that keeps it, and those of its
// other names may be of 400 KB each.
func (i *inspector) readDigests(ctx context.Context, s *inspection) error {
	for _, t := range i.tables {
		for _, name := range i.locks.Names(s.stale.Path) {
			value, err := i.digest(ctx, t, name, s)
			if err != nil {
				return err
			}
			if value != "" && value != s.md5 {
				s.facts.MismatchedIn = fmt.Sprintf("the digest of %s in %s is %s, but the MD5 of the state is %s", plain.Quoted(plain.Line(string(name), 200)), t.ARN(), plain.Quoted(plain.Line(value, 64)), s.md5)
				return nil
			}
			if value != "" {
				s.digests = append(s.digests, digestAt{t, name, value})
			}
		}
	}
	behind, err := i.digestBehind(ctx, s)
	s.facts.WhyNoDigest = i.whyNoDigest(s, behind)
	return err
}

// digestBehind returns a name that begins with an access point under which a watched table has the digest of the state; empty: there is none.
// Which bucket is behind that name is not known, so a digest of other bytes is that of another state.
func (i *inspector) digestBehind(ctx context.Context, s *inspection) (tflock.Path, error) {
	for _, t := range i.tables {
		for _, name := range i.locks.DigestNames(s.stale.Path) {
			if value, err := t.Digest(ctx, name); err != nil || value != "" && value == s.md5 {
				return name, err
			}
		}
	}
	return "", nil
}

// whyNoDigest says why clients may have a digest of the state that would be left; empty: they have none.
func (i *inspector) whyNoDigest(s *inspection, behind tflock.Path) string {
	switch {
	case behind != "":
		return fmt.Sprintf("a watched table has its digest under %s, the name of an access point. Clients that use it would fail once the state is gone", plain.Quoted(plain.Line(string(behind), 200)))
	case len(s.digests) == 0 && !i.rules.WithoutDigest && s.bucket.ARN() != i.rules.OwnBucket:
		return "no watched table has a digest of it. Its clients may use a table that is not watched, and would fail once the state is gone; with PruneWithoutDigest=true it is pruned all the same"
	}
	return ""
}

// readNewDigests notes, under our lock, a digest that was written since the state was looked
// at: by a repair, which writes it for bytes that stay as they were. Left alone it would keep
// every client from the state's path once the state is gone.
func (i *inspector) readNewDigests(ctx context.Context, s *inspection) error {
	for _, t := range i.tables {
		for _, name := range i.locks.Names(s.stale.Path) {
			if slices.ContainsFunc(s.digests, func(d digestAt) bool { return d.table == t && d.name == name }) {
				continue // it is deleted on condition that it is still the same
			}
			value, err := t.Digest(ctx, name)
			if err != nil {
				return err
			}
			if value != "" {
				s.facts.WhyChanged = newDigest
			}
		}
	}
	behind, err := i.digestBehind(ctx, s)
	if behind != "" {
		s.facts.WhyChanged = newDigest
	}
	return err
}

// digest reads one digest. That of the state's own name was read in a batch, where it
// still holds.
func (i *inspector) digest(ctx context.Context, t *backend.Table, name tflock.Path, s *inspection) (string, error) {
	if name == s.stale.Path {
		return s.known.digest(ctx, t, name, s.stale.LastModified)
	}
	return t.Digest(ctx, name)
}

// lookAtStores notes why the stores do not allow a safe lock, and judges again. With
// PruneMode=report nothing is written, so no store is probed.
func (i *inspector) lookAtStores(ctx context.Context, s *inspection) (ok bool) {
	if !i.rules.ReportOnly {
		s.facts.WhyLocked = i.conditions.unsafe(ctx, s.bucket)
	}
	return s.judge()
}

// lookForLocks notes whoever holds a lock on the state, and judges again.
func (i *inspector) lookForLocks(ctx context.Context, s *inspection) (ok bool, err error) {
	s.facts.WhyLocked, err = i.locks.HeldBy(ctx, s.bucket, s.stale.Path)
	return err == nil && s.judge(), err
}

const (
	gone      = "it is gone since it was listed"
	written   = "it was written since it was listed"
	newDigest = "a digest of it was written since it was looked at"
)

// maxRead bounds a state that is read, in bytes. The largest that teams have are some 100 MB; S3
// stores 5 TB, whose reading would take every run's time from all other states.
const maxRead = 128 << 20

// read has the state judged, notes what is in it, and forgets what it said before.
func (i *inspector) read(ctx context.Context, s *inspection, judge func(io.Reader) (tfstate.Summary, error)) error {
	s.etag, s.md5, s.facts.Read, s.facts.Contents = "", "", false, tfstate.Summary{}
	body, err := s.bucket.ReadState(ctx, s.stale.Path, "")
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		s.facts.WhySealed = sealed.Error()
		if sealed.Denied { // nobody would hear otherwise that these states are not looked at
			i.tally.fail(s.stale.Path, fmt.Errorf("%s: %w", plain.Quoted(s.stale.Path), sealed.Err))
		}
		return nil
	}
	if errors.Is(err, backend.ErrGone) {
		s.facts.WhyChanged = gone
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if body.Size > maxRead {
		s.facts.WhySealed = fmt.Sprintf("it has %d MB, and prune reads no state of more than %d", body.Size>>20, maxRead>>20)
		return nil
	}
	// It may take much longer to read by now. S3 dates an upload in parts by its beginning, and whoever deletes a version shows an old one.
	if body.Modified.After(i.cutoff) || body.Size > s.candidate.size || s.candidate.size > maxRead {
		s.facts.WhyChanged = written
		return nil
	}
	if body.ETag == "" {
		s.facts.WhySealed = "its store gave no ETag, so that it could not be deleted safely"
		return nil
	}
	sum := md5.New() //nolint:gosec // the clients' own digest is MD5
	contents, err := judge(io.TeeReader(body, sum))
	if err != nil {
		return err
	}
	s.note(body, contents)
	s.md5 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// note takes over what was read of the state.
func (s *inspection) note(body backend.State, contents tfstate.Summary) {
	s.facts.Read, s.facts.Contents, s.etag, s.encryption = true, contents, body.ETag, body.Encryption
	s.stale.Serial, s.stale.Lineage, s.stale.VersionID, s.stale.LastModified = contents.Serial, contents.Lineage, body.VersionID, body.Modified.UTC()
	s.stale.ManagedObjects, s.stale.Types = contents.Managed, nil
	for _, t := range contents.Types[:min(len(contents.Types), policy.MaxTypes)] {
		s.stale.Types = append(s.stale.Types, policy.TypeCount(t))
	}
}
