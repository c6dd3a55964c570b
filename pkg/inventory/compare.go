package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// compare says what is wrong with how a state changed since it was read last, or nil.
func (r *run) compare(ctx context.Context, path tflock.Path, before, after *reading, names *namer) (*policy.StateFinding, error) {
	change := changeOf(path, before, after)
	if _, wrong := change.Judge(); !wrong {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	since, err := r.baseline(ctx, path, before, after, names)
	if err != nil || since == nil {
		return nil, err
	}
	change = changeOf(path, since, after)
	change.Before.WrittenBy, change.After.WrittenBy = r.writer(ctx, path, since.Modified), r.writer(ctx, path, after.Modified)
	f, wrong := change.Judge()
	if !wrong {
		return nil, nil //nolint:nilnil // what changed before that is our own doing
	}
	f.Since = r.started.UTC()
	return &f, nil
}

func changeOf(path tflock.Path, before, after *reading) policy.StateChange {
	return policy.StateChange{
		Path: path, Before: before.version(), After: after.version(), SameContent: bytes.Equal(before.MD5, after.MD5),
		Sealed: before.Contents.Format == tfstate.FormatEncrypted || after.Contents.Format == tfstate.FormatEncrypted,
	}
}

// baseline is the version that a change is judged against: the one that was read last, or a
// later one that our own repair wrote. It is nil where a change proves nothing: we wrote the
// newest version ourselves, or there was no state in between.
func (r *run) baseline(ctx context.Context, path tflock.Path, before, after *reading, names *namer) (*reading, error) {
	versions, err := r.stores.BucketOf(path).History(ctx, path, before.VersionID)
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return before, nil // a store without versions: whether the state was gone is not known
	}
	if err != nil {
		return nil, fmt.Errorf("the versions of %s could not be listed: %w", path, err)
	}
	written, err := r.written(ctx, path)
	if err != nil {
		return nil, err
	}
	for _, v := range between(versions, before, after) {
		if v.Marker {
			return nil, nil //nolint:nilnil // there was no state
		}
		repaired, was, err := r.wroteOurselves(ctx, path, v, written, names)
		switch {
		case err != nil:
			return nil, err
		case repaired && v.ID == after.VersionID:
			return nil, nil //nolint:nilnil // a repair says of itself what it did
		case repaired:
			return was, nil
		}
	}
	return before, nil
}

func (r *run) written(ctx context.Context, path tflock.Path) ([]ledger.Written, error) {
	if r.Own == nil {
		return nil, nil
	}
	return r.Own.Written(ctx, path)
}

// between are the versions behind the one of before, up to that of after, the newest first.
func between(versions []backend.Version, before, after *reading) []backend.Version {
	if i := slices.IndexFunc(versions, func(v backend.Version) bool { return !v.Marker && v.ID == after.VersionID }); i >= 0 {
		versions = versions[i:]
	}
	var all []backend.Version
	for _, v := range versions {
		if (!v.Marker && v.ID == before.VersionID) || v.Modified.Before(before.Modified) {
			break
		}
		if !v.Modified.After(after.Modified) {
			all = append(all, v)
		}
	}
	return all
}

// wroteOurselves says whether a repair wrote a version, and gives that version where it can
// still be read. A repair that died, or is not at its end yet, did not record which version
// it wrote: then it is the one of its time that has its bytes.
func (r *run) wroteOurselves(ctx context.Context, path tflock.Path, v backend.Version, written []ledger.Written, names *namer) (bool, *reading, error) {
	i := slices.IndexFunc(written, func(w ledger.Written) bool {
		return w.VersionID == v.ID || (w.VersionID == "" && !v.Modified.Before(w.From) && !v.Modified.After(w.To))
	})
	if i < 0 {
		return false, nil, nil
	}
	was, md5, err := r.readVersion(ctx, path, v.ID, names)
	if err != nil {
		return false, nil, err
	}
	repaired := slices.ContainsFunc(written, func(w ledger.Written) bool { return w.VersionID == v.ID || (was != nil && w.MD5 == md5) })
	return repaired, was, nil
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
