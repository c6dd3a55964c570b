package prune

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// Outcome is what became of a restore.
type Outcome string

// The outcomes.
const (
	Restored Outcome = "restored"
	Refused  Outcome = "refused"   // there is a state, or a lock; nothing was touched
	NotFound Outcome = "not_found" // the bucket has no version of it
)

// Answer is the answer to a restore.
type Answer struct {
	Outcome   Outcome `json:"outcome"`
	Message   string  `json:"message"`
	Path      string  `json:"path"`
	Serial    uint64  `json:"serial"`
	VersionID string  `json:"version_id"` // of the new state
}

// maxRestored bounds what is held in memory: S3 needs the size and the hash of what is
// written. A pruned state has a few hundred bytes.
const maxRestored = 64 << 20

// Restore brings the last version of a state back, where there is none now. It
// writes the bytes as a new version: no delete marker and no version is removed, and
// the state counts as fresh. It works under the lock, as every client does.
func (p *Pruner) Restore(ctx context.Context, path, requestID string) (Answer, error) {
	a := Answer{Outcome: Refused, Path: path}
	b := p.Stores.BucketOf(path)
	switch {
	case b == nil:
		a.Message = "Nothing was touched: the bucket of " + path + " is not watched. Add it to WatchBucketArns."
		return a, nil
	case strings.HasSuffix(path, tflock.Suffix):
		a.Message = "Nothing was touched: " + path + " is a lock, not a state."
		return a, nil
	}
	l := newLocker(ctx, p.Stores, requestID, p.Now(), p.Now)
	versionID, err := p.lastVersion(ctx, b, &a)
	switch {
	case err != nil:
		return a, err
	case versionID == "" && a.Outcome == Refused: // perhaps by a restore of ours that died
		alive, err := p.settle(ctx, b, l, path)
		if err == nil && !alive {
			err = p.Records.ForgetSettled(ctx, path, p.Now()) // the record of a prune under way comes before its lock
		}
		return a, err
	case versionID == "":
		return a, nil
	}
	record := l.record(policy.Stale{Path: path, VersionID: versionID}, true)
	if err := p.Records.RecordPruned(ctx, record); err != nil {
		return a, err
	}
	h, by, err := l.acquire(ctx, b, path, operationRestore)
	if err != nil {
		return a, err
	}
	if by == "" {
		err = p.writeBack(ctx, b, &a)
		err = errors.Join(err, l.release(ctx, h))
	} else {
		a.Message = "Nothing was touched: " + by + "."
	}
	if err != nil {
		return a, err // the record stays, and the next prune settles it
	}
	if a.Outcome == Restored {
		return a, p.Records.ForgetPruned(ctx, path)
	}
	return a, p.Records.WithdrawPruned(ctx, record)
}

// settle clears the locks that a dead invocation of ours left on a state. alive says
// that one of ours is at work on it.
func (p *Pruner) settle(ctx context.Context, b *backend.Bucket, l *locker, path string) (alive bool, err error) {
	for _, store := range l.storesOf(b) {
		h, found, err := store.Find(ctx, path)
		alive = alive || (found && h.Info.Who == who && !l.leftover(h))
		if err == nil && found && l.leftover(h) {
			p.Log.InfoContext(ctx, "clearing a lock that a run of ours left behind", "path", path, "lock_id", h.Info.ID, "info", h.Info.Info)
			err = l.clear(ctx, b, h)
		}
		if err != nil {
			return alive, err
		}
	}
	return alive, nil
}

// lastVersion finds what to bring back. Without a version it has answered.
func (p *Pruner) lastVersion(ctx context.Context, b *backend.Bucket, a *Answer) (versionID string, err error) {
	versionID, current, err := b.LastVersion(ctx, a.Path)
	switch {
	case errors.Is(err, backend.ErrGone):
		a.Outcome, a.Message = NotFound, "The bucket has no version of "+a.Path+": it was never there, its versions have expired, or the path is misspelt."
		return "", nil
	case current:
		a.Message = "Nothing was touched: there is a state at " + a.Path + ". Move it away first if an older version is to replace it."
		return "", nil
	}
	return versionID, err
}

// writeBack works under the lock.
func (p *Pruner) writeBack(ctx context.Context, b *backend.Bucket, a *Answer) error {
	versionID, err := p.lastVersion(ctx, b, a) // of now: somebody may have written and deleted since
	if versionID == "" || err != nil {
		return err
	}
	state, err := b.ReadState(ctx, a.Path, versionID)
	if err != nil {
		return fmt.Errorf("version %s of %s: %w", versionID, a.Path, err)
	}
	defer state.Close() //nolint:errcheck // nothing is lost with a body that was read
	if state.Size > maxRestored {
		a.Message = fmt.Sprintf("Nothing was touched: version %s of %s has %d MB, which is too large for this function. Copy that version onto the key with the AWS CLI (s3api copy-object).", versionID, a.Path, state.Size>>20)
		return nil
	}
	if state.VersionID != versionID {
		return fmt.Errorf("version %s of %s was asked for, and something else came (version %q): nothing was written", versionID, a.Path, state.VersionID)
	}
	var body bytes.Buffer
	if _, err := io.Copy(&body, state); err != nil {
		return fmt.Errorf("version %s of %s: %w", versionID, a.Path, err)
	}
	contents, err := tfstate.Read(bytes.NewReader(body.Bytes()))
	if err != nil {
		return err
	}
	a.VersionID, err = b.WriteState(ctx, a.Path, body.Bytes(), state.Encryption)
	if errors.Is(err, backend.ErrExists) {
		a.Message = "Nothing was touched: a state was written at " + a.Path + " in the meantime."
		return nil
	}
	if err != nil {
		return err
	}
	a.Outcome, a.Serial = Restored, contents.Serial
	a.Message = fmt.Sprintf("Restored: %s is back with serial %d, as it was in version %s.", a.Path, contents.Serial, versionID)
	sum := md5.Sum(body.Bytes()) //nolint:gosec // the clients' own digest is MD5
	for _, t := range p.Stores.Tables {
		digest, err := t.Digest(ctx, a.Path)
		if err != nil {
			a.Message += " Whether its digest is right could not be checked: " + err.Error() + "."
		} else if right := hex.EncodeToString(sum[:]); digest != "" && digest != right {
			a.Message += fmt.Sprintf(" But %s holds an old digest of it, with which clients will refuse it: set Digest of %s-md5 to %s, or remove that row.", t.ARN(), a.Path, right)
		}
	}
	p.Log.InfoContext(ctx, "state restored", "path", a.Path, "serial", a.Serial, "from_version", versionID, "version", a.VersionID)
	return nil
}
