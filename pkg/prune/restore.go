package prune

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Outcome is how a restore ended.
type Outcome string

// The outcomes.
const (
	Restored Outcome = "restored"
	Refused  Outcome = "refused"   // there is a state or a lock, or the permission is missing; nothing was touched
	NotFound Outcome = "not_found" // the bucket has no version of it
)

// Answer is the answer to a restore.
type Answer struct {
	Outcome   Outcome     `json:"outcome"`
	Message   string      `json:"message"`
	Path      tflock.Path `json:"path"`
	Serial    uint64      `json:"serial"`
	VersionID string      `json:"version_id"` // of the new state
}

// refuse says why nothing was done.
func (a *Answer) refuse(format string, values ...any) {
	a.Outcome, a.Message = Refused, "Nothing was touched: "+fmt.Sprintf(format, values...)
}

// Restore brings the last version of a state back, where there is none now. It
// writes the bytes as a new version: no delete marker and no version is removed, and
// the state counts as fresh. It works under the lock, as every client does.
func (p *Pruner) Restore(ctx context.Context, path tflock.Path, requestID string) (Answer, error) {
	work, cancel := statelock.InTime(ctx)
	defer cancel()
	p = p.discovered(work)
	a := Answer{Path: path}
	b := p.Stores.BucketOf(path)
	switch {
	case p.Rules.ReportOnly:
		a.refuse("PruneMode is report, so that this function has no permission to write. Deploy the stack with PruneMode=delete to restore, or copy the old version onto the key yourself (aws s3api copy-object).%s", plain.ShellWarning(path))
	case b == nil:
		a.refuse("the bucket of %s is not watched. Add it to WatchBucketArns.", plain.Quoted(path))
	case strings.HasSuffix(string(path), tflock.Suffix):
		a.refuse("%s is a lock, not a state.", plain.Quoted(path))
	case !b.Lockable(path):
		a.refuse("%s cannot be locked, since the name of its lock object would be longer than the 1,024 bytes that S3 allows.", plain.Quoted(path))
	default:
		if why := statelock.Unsafe(work, p.Stores.Tables, b, probe.Report.UnsafePrune); why != "" {
			a.refuse("a state can only be restored under its lock, and %s.", why)
			return a, nil
		}
		err := p.restore(ctx, work, b, requestID, &a)
		return a, statelock.OutOfTime(work, err)
	}
	return a, nil
}

// restore does its work in time before the invocation ends.
func (p *Pruner) restore(invocation, ctx context.Context, b *backend.Bucket, requestID string, a *Answer) error {
	locks, err := statelock.ForState(invocation, ctx, p.Stores, a.Path, requestID, p.Now)
	if unread, late := errors.AsType[*statelock.UnreadError](err); late {
		a.refuse("%v.", unread)
		return nil
	}
	if err != nil {
		return err
	}
	old, err := lastVersion(ctx, b, a)
	switch {
	case err != nil:
		return err
	case old == nil && a.Outcome == Refused: // perhaps because a restore of ours died after its write
		return p.forgetDead(ctx, b, locks, a.Path)
	case old == nil:
		return nil
	}
	record := newRecord(locks, policy.Stale{Path: a.Path, VersionID: old.versionID}, true)
	if err := p.Records.Record(ctx, record); err != nil {
		return err
	}
	h, err := locks.Acquire(ctx, b, a.Path, statelock.Restore, old.encryption)
	busy, isBusy := errors.AsType[*statelock.BusyError](err)
	_, isLeft := errors.AsType[*statelock.LeftError](err)
	switch {
	case isBusy && !isLeft:
		a.refuse("%s.", busy.Why)
		alive, err := locks.ClearDead(ctx, b, a.Path, "", p.Log)
		if err != nil || alive { // this record may have taken the place of that of a lock of ours which was left
			return err
		}
		return p.Records.Withdraw(invocation, record)
	case err != nil:
		return err
	}
	err = p.writeBack(ctx, b, locks, old, a)
	if err := errors.Join(err, locks.Release(ctx, h)); err != nil {
		return err // the record stays, and the next prune settles it
	}
	if a.Outcome == Restored {
		err = p.Records.Forget(invocation, a.Path)
	}
	return errors.Join(err, p.Records.Withdraw(invocation, record))
}

// forgetDead clears what a dead invocation of ours left on a state that is there.
func (p *Pruner) forgetDead(ctx context.Context, b *backend.Bucket, locks *statelock.Locker, path tflock.Path) error {
	alive, err := locks.ClearDead(ctx, b, path, "", p.Log)
	if err != nil || alive {
		return err
	}
	return p.Records.ForgetSettled(ctx, path, p.Now()) // not a prune under way: its record comes before its lock
}

// writeBack works under the lock.
func (p *Pruner) writeBack(ctx context.Context, b *backend.Bucket, locks *statelock.Locker, old *oldState, a *Answer) error {
	name, err := locks.NewName(ctx, a.Path)
	if unread, late := errors.AsType[*statelock.UnreadError](err); late {
		a.refuse("%v.", unread)
		return nil
	}
	if err != nil {
		return err
	}
	if name != "" {
		a.refuse("a client has used this state under another name meanwhile, %s, and may hold its lock there. Repeat this once that run is over.", plain.Quoted(plain.Line(string(name), 200)))
		return nil
	}
	now, err := findVersion(ctx, b, a) // somebody may have written and deleted since
	if err == nil && now != "" && now != old.versionID {
		old, err = readVersion(ctx, b, a, now)
	}
	if err != nil || now == "" || old == nil {
		return err
	}
	a.VersionID, err = b.WriteState(ctx, a.Path, old.content, old.encryption)
	failed, isFailure := errors.AsType[*backend.Error](err)
	switch {
	case errors.Is(err, backend.ErrExists):
		a.refuse("a state was written at %s in the meantime.", plain.Quoted(a.Path))
		return nil
	case errors.Is(err, backend.ErrOverMarker):
		a.refuse("%s does not accept a new object where a delete marker is, so that it cannot be restored this way. Remove the delete marker yourself (aws s3api delete-object --version-id MARKER): version %s is then the state again.%s", b.ARN(), old.versionID, plain.ShellWarning(a.Path))
		return nil
	case isFailure && failed.Refused():
		a.refuse("writing it was refused: %s.", failed)
		return nil
	case err != nil:
		return err
	}
	a.Outcome, a.Serial = Restored, old.contents.Serial
	a.Message = fmt.Sprintf("Restored: %s is back with serial %d, as it was in version %s.", plain.Quoted(a.Path), a.Serial, old.versionID)
	p.checkDigests(ctx, locks, old, a)
	p.Log.InfoContext(ctx, "state restored", "path", a.Path, "serial", a.Serial, "from_version", old.versionID, "version", a.VersionID)
	return nil
}

// checkDigests names every digest with which clients would refuse the restored state.
func (p *Pruner) checkDigests(ctx context.Context, locks *statelock.Locker, old *oldState, a *Answer) {
	sum := md5.Sum(old.content) //nolint:gosec // the clients' own digest is MD5
	right := hex.EncodeToString(sum[:])
	for _, t := range p.Stores.Tables {
		for _, name := range slices.Concat(locks.Names(a.Path), locks.DigestNames(a.Path)) {
			switch digest, err := t.Digest(ctx, name); {
			case err != nil:
				a.Message += " Whether its digest is right could not be checked: " + err.Error() + "."
				return // the others would say the same
			case digest == "", digest == right:
			case name.LocksOnly():
				a.Message += fmt.Sprintf(" But %s holds another digest for %s: if that access point leads to this bucket, its clients will refuse the state: set Digest of that row to %s then, or remove it.", t.ARN(), plain.Quoted(plain.Line(string(name), 200)), right) + plain.ShellWarning(name)
			default:
				a.Message += fmt.Sprintf(" But %s holds an old digest of it, with which clients will refuse it: set Digest of %s to %s, or remove that row.", t.ARN(), plain.Quoted(name+"-md5"), right) + plain.ShellWarning(name)
			}
		}
	}
}
