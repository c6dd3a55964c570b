package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxVersions bounds the versions of a state that are read to find the one that a digest
// belongs to. Most have their MD5 as their ETag, and are not read.
const maxVersions = 100

// versionOf finds the version of a state whose MD5 is the digest, or nil. now is the version that is not.
func (c *confirmation) versionOf(ctx context.Context, b *backend.Bucket, digest string, now *reading) (*backend.Version, error) {
	versions, err := b.History(ctx, c.path, "")
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return nil, nil //nolint:nilnil // a store without versions, or a role that may not list them
	}
	if err != nil {
		return nil, err
	}
	for i, v := range versions {
		if !v.Marker && quoteless(v.ETag) == digest {
			return &versions[i], nil
		}
	}
	older := slices.DeleteFunc(versions, func(v backend.Version) bool { return v.Marker || v.ID == now.VersionID })
	for i, v := range older[:min(len(older), maxVersions)] {
		_, md5, err := c.readVersion(ctx, c.path, v.ID, c.names)
		if err != nil {
			return nil, err
		}
		if md5 == digest {
			return &older[i], nil
		}
	}
	return nil, nil //nolint:nilnil // it is gone
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
