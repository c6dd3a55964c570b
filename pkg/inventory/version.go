package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxVersions bounds the versions of a state that are read to find the one that a digest
// belongs to. Most have their MD5 as their ETag, and are not read.
const maxVersions = 100

// maxVersionBytes bounds them in bytes: whoever writes large versions takes no more of the time
// that all second looks have.
const maxVersionBytes = 64 << 20

// digestVersion is the version of a state that a digest belongs to, and what came after it.
type digestVersion struct {
	match   *backend.Version   // nil: the bucket does not have it
	newer   []backend.Version  // behind it, which nobody recorded, the newest first
	older   bool               // the bucket has others before those
	objects policy.LockObjects // that were there meanwhile
}

// versionOf finds the version of a state whose MD5 is the digest. now is the version that is not.
func (c *confirmation) versionOf(ctx context.Context, b *backend.Bucket, digest string, now *reading) (d digestVersion, err error) {
	versions, locks, err := b.HistoryWithLocks(ctx, c.path, "")
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return d, nil // a store without versions, or a role that may not list them
	}
	if err != nil {
		return d, err
	}
	d.objects = lockObjects(locks)
	c.unread = len(versions) == backend.MaxTraces
	versions = slices.DeleteFunc(versions, func(v backend.Version) bool { return v.Marker })
	for i, v := range versions {
		if quoteless(v.ETag) == digest {
			d.match, d.newer = &versions[i], versions[:i]
			return d, nil
		}
	}
	err = c.byContent(ctx, versions, digest, now, &d)
	return d, err
}

// byContent reads the versions, the newest first, until it finds the one that the digest belongs to, or has
// read enough.
func (c *confirmation) byContent(ctx context.Context, versions []backend.Version, digest string, now *reading, d *digestVersion) error {
	left := int64(maxVersionBytes)
	for i, v := range versions {
		if v.ID == now.VersionID {
			continue
		}
		if left -= v.Size; left < 0 || i > maxVersions {
			d.newer, d.older, c.unread = versions[:i], true, true
			return nil
		}
		_, md5, err := c.readVersion(ctx, c.path, v.ID, c.names)
		if err != nil {
			return err
		}
		if md5 == digest {
			d.match, d.newer = &versions[i], versions[:i]
			return nil
		}
	}
	d.newer, d.older = versions, c.unread // it is gone
	return nil
}

// move reports whether the versions since the one of the digest show that clients moved to lockfiles.
func (d digestVersion) move(now time.Time) policy.Move {
	var recorded policy.StateWrite
	if d.match != nil {
		recorded = d.objects.Write(d.match.ID, d.match.Modified.Truncate(time.Second), false)
	}
	var after []policy.StateWrite
	for i, v := range slices.Backward(d.newer) {
		older := d.match != nil || d.older || i < len(d.newer)-1
		after = append(after, d.objects.Write(v.ID, v.Modified.Truncate(time.Second), v.ID != unversioned && (older || now.Sub(v.Modified) < expires)))
	}
	return policy.MoveOf(recorded, after)
}

// expires is when a lifecycle rule removes something at the earliest. Such a rule takes no suffix: where
// the version before a write is still there, which is no longer the newest since that write, the lock
// object of its writer is too.
const expires = 24 * time.Hour

// longHold is longer than a client holds its lock object that finds a row in the table, and
// gives it back.
const longHold = 5 * time.Second

// unreadSince says since when clients write the state although the digest is not that of what
// they found: one that reads digests fails there. So it is where the run that wrote a version
// took the lock when a version that nobody recorded was there already. It is zero where that is
// not known, or a client that may read digests was seen since.
func (c *confirmation) unreadSince(ctx context.Context, d digestVersion) time.Time {
	for i := range min(len(d.newer)-1, maxHolders) {
		wrote, found := d.newer[i].Modified.Truncate(time.Second), d.newer[i+1].Modified.Truncate(time.Second)
		if c.tableSince(found) {
			return time.Time{}
		}
		taken := d.objects.Write(d.newer[i].ID, wrote, false).Taken
		if taken.IsZero() {
			taken = c.holder(ctx, c.path, wrote).Since
		}
		if taken.After(found.Add(time.Second)) && wrote.Sub(taken) >= longHold {
			return taken
		}
	}
	return time.Time{}
}

// maxHolders bounds the versions whose writers are looked for.
const maxHolders = 10

// tableSince reports whether a lock of the state was seen in a table since that time.
func (c *confirmation) tableSince(at time.Time) bool {
	return slices.ContainsFunc(c.seen, func(s policy.LockingSeen) bool { return s.Locking != policy.ByLockfile && !s.Last.Before(at) })
}

// readVersion reads a version of a state, with the MD5 of its bytes. It returns nil where the
// version is gone or cannot be read.
func (r *run) readVersion(ctx context.Context, path tflock.Path, id string, names *namer) (*reading, string, error) {
	body, err := r.stores.BucketOf(path).ReadState(ctx, path, id)
	if _, sealed := errors.AsType[*backend.SealedError](err); sealed || errors.Is(err, backend.ErrGone) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("version %s of %s: %w", id, path, err)
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	return r.digest(body, names)
}
