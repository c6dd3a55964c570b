package inventory

import (
	"context"
	"errors"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
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
		md5, err := c.md5Of(ctx, b, v)
		if err != nil {
			return nil, err
		}
		if md5 == digest {
			return &older[i], nil
		}
	}
	return nil, nil //nolint:nilnil // it is gone
}

// md5Of reads a version; empty where it is gone or cannot be read.
func (c *confirmation) md5Of(ctx context.Context, b *backend.Bucket, v backend.Version) (string, error) {
	body, err := b.ReadState(ctx, c.path, v.ID)
	if _, sealed := errors.AsType[*backend.SealedError](err); sealed || errors.Is(err, backend.ErrGone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	_, md5, err := c.digest(body, c.names)
	return md5, err
}
