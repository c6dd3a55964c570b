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

// versionOf finds the version of a state whose MD5 is the digest, or nil. now is the version
// that is not. newer are those behind it, which nobody recorded, the newest first.
func (c *confirmation) versionOf(ctx context.Context, b *backend.Bucket, digest string, now *reading) (match *backend.Version, newer []backend.Version, err error) {
	versions, err := b.History(ctx, c.path, "")
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return nil, nil, nil // a store without versions, or a role that may not list them
	}
	if err != nil {
		return nil, nil, err
	}
	versions = slices.DeleteFunc(versions, func(v backend.Version) bool { return v.Marker })
	for i, v := range versions {
		if quoteless(v.ETag) == digest {
			return &versions[i], versions[:i], nil
		}
	}
	for i, v := range versions[:min(len(versions), maxVersions+1)] {
		if v.ID == now.VersionID {
			continue
		}
		_, md5, err := c.readVersion(ctx, c.path, v.ID, c.names)
		if err != nil {
			return nil, nil, err
		}
		if md5 == digest {
			return &versions[i], versions[:i], nil
		}
	}
	return nil, versions[:min(len(versions), maxVersions+1)], nil // it is gone
}

// longHold is longer than a client holds its lock object that finds a row in the table, and
// gives it back.
const longHold = 5 * time.Second

// unreadSince says since when clients write the state although the digest is not that of what
// they found: one that reads digests fails there. So it is where the run that wrote a version
// took the lock when a version that nobody recorded was there already. It is zero where that is
// not known, or a client that may read digests was seen since.
func (c *confirmation) unreadSince(ctx context.Context, newer []backend.Version) time.Time {
	for i := range min(len(newer)-1, maxHolders) {
		wrote, found := newer[i].Modified, newer[i+1].Modified
		if c.tableSince(found) {
			return time.Time{}
		}
		taken := c.holder(ctx, c.path, wrote).Since
		if taken.After(found.Truncate(time.Second).Add(time.Second)) && wrote.Sub(taken) >= longHold {
			return taken
		}
	}
	return time.Time{}
}

// maxHolders bounds the versions whose writers are looked for.
const maxHolders = 10

// tableSince says whether a lock of the state was seen in a table since that time.
func (c *confirmation) tableSince(at time.Time) bool {
	return slices.ContainsFunc(c.seen, func(s policy.LockingSeen) bool { return s.Locking != policy.ByLockfile && !s.Last.Before(at) })
}

// readVersion reads a version of a state, with the MD5 of its bytes. It gives nil where the
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
