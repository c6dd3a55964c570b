package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// compare says what is wrong with how a state changed since it was read last, or nil.
func (r *run) compare(ctx context.Context, path tflock.Path, before, after *reading) (*policy.StateFinding, error) {
	change := policy.StateChange{
		Path: path, Before: before.version(), After: after.version(), SameContent: bytes.Equal(before.MD5, after.MD5),
		Sealed: before.Contents.Format == tfstate.FormatEncrypted || after.Contents.Format == tfstate.FormatEncrypted,
	}
	if _, wrong := change.Judge(); !wrong {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	expected, err := r.expected(ctx, path, before, after)
	if err != nil || expected {
		return nil, err
	}
	change.Before.WrittenBy, change.After.WrittenBy = r.writer(ctx, path, before.Modified), r.writer(ctx, path, after.Modified)
	f, _ := change.Judge()
	f.Since = r.started.UTC()
	return &f, nil
}

// expected says whether a change proves nothing: there was no state in between, or we wrote
// it ourselves.
func (r *run) expected(ctx context.Context, path tflock.Path, before, after *reading) (bool, error) {
	if r.Own != nil && after.VersionID != "" {
		wrote, err := r.Own.Wrote(ctx, path, after.VersionID)
		if err != nil || wrote {
			return wrote, err
		}
	}
	versions, err := r.stores.BucketOf(path).History(ctx, path, before.VersionID)
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return false, nil // a store without versions: whether the state was gone is not known
	}
	if err != nil {
		return false, fmt.Errorf("the versions of %s could not be listed: %w", path, err)
	}
	for _, v := range versions {
		if v.Marker && !v.Modified.Before(before.Modified) && !v.Modified.After(after.Modified) {
			return true, nil
		}
	}
	return false, nil
}

// writer names the session that wrote a version, where a witness saw its lock.
func (r *run) writer(ctx context.Context, path tflock.Path, at time.Time) string {
	if r.Writers == nil {
		return ""
	}
	session, err := r.Writers.Holder(ctx, path, at)
	if err != nil { // it is evidence only
		r.Log.WarnContext(ctx, "who wrote a version could not be read", "path", path, "error", err)
	}
	return session
}
