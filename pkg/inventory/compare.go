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
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// maxBetween bounds the versions of one state that are read because they came between two
// inventories.
const maxBetween = 100

// compare says what is wrong with how a state changed since it was read last. Where the bucket
// has versions, each of those that came in between is compared with its neighbour, so that of
// two writers between two inventories both are found. Its note says what was not compared.
func (r *run) compare(ctx context.Context, path tflock.Path, before, after *reading, names *namer) (c *comparison, err error) {
	c = &comparison{run: r, path: path, names: names}
	versions, err := c.between(ctx, before, after)
	if err != nil {
		return nil, err
	}
	c.sum(before)
	c.sum(after)
	later, read := after, 0
	for n, v := range versions {
		if read == maxBetween || r.Now().After(r.times.stopAt) {
			c.left = versions[n:]
			c.note = fmt.Sprintf("%s: %d versions since %s were not read, so that two writers among them go unnoticed", plain.Quoted(path), len(c.left), policy.Clock(before.Modified))
			break
		}
		earlier, _, err := r.readVersion(ctx, path, v.ID, names)
		if err != nil {
			return nil, err
		}
		read++
		if earlier == nil { // it is judged as if it were not there
			c.left = append(c.left, v)
			continue
		}
		earlier.Objects = nil // up to 800 KB
		c.sum(earlier)
		if err := c.judge(ctx, earlier, later); err != nil {
			return nil, err
		}
		later, c.left = earlier, nil
	}
	if c.cut { // what came before the oldest version that is known may be anybody's, and ours
		c.note = fmt.Sprintf("%s: more than %d versions came since %s: at most the newest %d were read, so that two writers among the others go unnoticed", plain.Quoted(path), backend.MaxTraces, policy.Clock(before.Modified), maxBetween)
	} else if err := c.judge(ctx, before, later); err != nil {
		return nil, err
	}
	slices.Reverse(c.found)
	return c, nil
}

// comparison is how one state changed between two inventories.
type comparison struct {
	*run
	path    tflock.Path
	names   *namer
	markers []time.Time       // when it was deleted
	left    []backend.Version // versions between the two that are judged next, which were not read
	ours    []ledger.Written  // what our repairs wrote
	asked   bool              // ours is known
	found   []policy.StateFinding
	note    string
	cut     bool    // there are more versions between the two than are known
	writes  []write // the versions from before to after, the oldest first
}

// between returns the versions between two readings, the newest first; none where the bucket
// has no versions or does not list them.
func (c *comparison) between(ctx context.Context, before, after *reading) ([]backend.Version, error) {
	if after.VersionID == "" {
		return nil, nil
	}
	all, locks, err := c.stores.BucketOf(c.path).HistoryWithLocks(ctx, c.path, before.VersionID)
	if refused, ok := errors.AsType[*backend.Error](err); ok && refused.Refused() {
		return nil, nil // whether the state was gone in between is not known
	}
	if err != nil {
		return nil, fmt.Errorf("the versions of %s could not be listed: %w", plain.Quoted(c.path), err)
	}
	if n := len(all); n == backend.MaxTraces {
		oldest := all[n-1]
		c.cut = oldest.ID != before.VersionID && !oldest.Modified.Truncate(time.Second).Before(before.Modified)
	}
	var versions []backend.Version
	come := between(all, before, after)
	for _, v := range come {
		if v.Marker {
			c.markers = append(c.markers, v.Modified.Truncate(time.Second))
		} else if v.ID != after.VersionID {
			versions = append(versions, v)
		}
	}
	c.writes = writesOf(come, locks, before)
	return versions, nil
}

// judge judges two versions of which one followed the other. A change proves nothing where
// there was no state in between, or where our own repair wrote the later one or one that
// was not read: a repair says of itself what it did.
func (c *comparison) judge(ctx context.Context, earlier, later *reading) error {
	change := changeOf(c.path, earlier, later)
	if _, wrong := change.Judge(); !wrong || c.deleted(earlier, later) {
		return nil
	}
	ours, err := c.repaired(ctx, later)
	if err != nil || ours {
		return err
	}
	first, second := c.holder(ctx, c.path, earlier.Modified), c.holder(ctx, c.path, later.Modified)
	if change.Before.WrittenBy, change.After.WrittenBy = first.By, second.By; first == second {
		change.SameLockHolder = first.By
	}
	f, _ := change.Judge()
	f.Since = c.started.UTC()
	c.found = append(c.found, f)
	return nil
}

// deleted reports whether the state was deleted between two versions. S3 has whole seconds: a
// delete in the second of one of the two may have come between them.
func (c *comparison) deleted(earlier, later *reading) bool {
	return slices.ContainsFunc(c.markers, func(at time.Time) bool { return !at.Before(earlier.Modified) && !at.After(later.Modified) })
}

// repaired reports whether a repair of ours wrote a version, or perhaps one of those before it
// that were not read.
func (c *comparison) repaired(ctx context.Context, v *reading) (bool, error) {
	if c.Own != nil && !c.asked {
		var err error
		if c.ours, err = c.Own.Written(ctx, c.path); err != nil {
			return false, err
		}
		c.asked = true
	}
	return slices.ContainsFunc(c.ours, func(w ledger.Written) bool {
		wrote := w.MayBe(v.VersionID, v.Modified) && (w.VersionID != "" || bytes.Equal(v.MD5, c.memory.key.of("md5", w.MD5)))
		return wrote || slices.ContainsFunc(c.left, func(left backend.Version) bool { return w.MayBe(left.ID, left.Modified) })
	}), nil
}

func changeOf(path tflock.Path, before, after *reading) policy.StateChange {
	return policy.StateChange{
		Path: path, Before: before.version(), After: after.version(), SameContent: bytes.Equal(before.MD5, after.MD5),
		Sealed: before.Contents.Format == tfstate.FormatEncrypted || after.Contents.Format == tfstate.FormatEncrypted,
	}
}

// between are the versions behind the one of before, up to that of after, the newest first.
// Where the former has expired, those of its second are left out: any of them may be older.
func between(versions []backend.Version, before, after *reading) []backend.Version {
	sameAs := func(r *reading) func(backend.Version) bool {
		return func(v backend.Version) bool { return !v.Marker && v.ID == r.VersionID }
	}
	if i := slices.IndexFunc(versions, sameAs(after)); i >= 0 {
		versions = versions[i:]
	}
	known := false
	if i := slices.IndexFunc(versions, sameAs(before)); i >= 0 {
		versions, known = versions[:i], true
	}
	return slices.DeleteFunc(slices.Clone(versions), func(v backend.Version) bool {
		at := v.Modified.Truncate(time.Second)
		return at.After(after.Modified) || at.Before(before.Modified) || (!known && !v.Marker && !at.After(before.Modified))
	})
}

// writer names the session that held the lock when a version was written, where a witness saw it.
func (r *run) writer(ctx context.Context, path tflock.Path, at time.Time) string {
	return r.holder(ctx, path, at).By
}

func (r *run) holder(ctx context.Context, path tflock.Path, at time.Time) ledger.Hold {
	if r.Writers == nil {
		return ledger.Hold{}
	}
	hold, err := r.Writers.Holder(ctx, path, at)
	if err != nil { // it is evidence only
		r.Log.WarnContext(ctx, "who wrote a version could not be read", "path", path, "error", err)
	}
	return hold
}
