package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// mixed finds the states whose clients do not exclude each other, from the locks that scans saw
// and from the traces of those that none saw.
func (r *run) mixed(locking map[tflock.Path][]policy.LockingSeen) []policy.StateFinding {
	var found []policy.StateFinding
	traces := r.traces()
	for _, path := range slices.Sorted(maps.Keys(r.memory.states)) {
		if !r.includes(path) {
			continue
		}
		seen, isSeen := policy.Mixed(path, locking[path])
		switch traced := traces[path]; {
		case traced != nil:
			traced.Evidence.Locking = seen.Evidence.Locking
			found = append(found, *traced)
		case isSeen:
			found = append(found, seen)
		}
	}
	return found
}

// traces returns the findings that the versions of states show, by path. Who wrote those is asked of each prefix in turn: whoever has very many
// states of that kind takes no time from others.
func (r *run) traces() map[tflock.Path]*policy.StateFinding {
	suspected := map[tflock.Path]policy.StateFinding{}
	for path, s := range r.memory.states {
		if f, mixed := policy.MixedWrites(path, versionsOf(s.Writes)); mixed && r.includes(path) {
			suspected[path] = f
		}
	}
	ctx, cancel := r.times.half()
	defer cancel()
	found := map[tflock.Path]*policy.StateFinding{}
	var mu sync.Mutex
	pathsOf(slices.Sorted(maps.Keys(suspected))).each(func(path tflock.Path) {
		f, err := r.mixedByTraces(ctx, suspected[path], r.memory.states[path])
		if err != nil {
			r.failAt(path, fmt.Errorf("who wrote %s could not be read: %w", plain.Quoted(path), err))
			r.doubts.locking(path)
		}
		mu.Lock()
		defer mu.Unlock()
		found[path] = f
	})
	return found
}

// mixedByTraces returns the finding that all versions of a state show, with who wrote them; nil where those of others show none.
func (r *run) mixedByTraces(ctx context.Context, f policy.StateFinding, s *state) (*policy.StateFinding, error) {
	versions := versionsOf(s.Writes)
	if known := r.memory.open(f.Identity()); known != nil && slices.EqualFunc(known.Evidence.Versions, versions, func(a, b policy.StateVersion) bool { return a.VersionID == b.VersionID }) {
		same := *known
		return &same, nil
	}
	others, err := r.byOthers(ctx, s)
	if err != nil {
		return nil, err
	}
	versions = versionsOf(others)
	for i := range versions {
		versions[i].WrittenBy = r.writer(ctx, s.Path, versions[i].LastModified)
	}
	f, mixed := policy.MixedWrites(s.Path, versions)
	if !mixed {
		return nil, nil //nolint:nilnil // we did it ourselves
	}
	return &f, nil
}

// versionsOf are those whose traces show how their writer locks.
func versionsOf(writes []policy.StateWrite) []policy.StateVersion {
	var all []policy.StateVersion
	for _, w := range writes {
		if way := w.Locking(); way != "" {
			all = append(all, policy.StateVersion{VersionID: w.VersionID, LastModified: w.At.UTC(), Locking: way})
		}
	}
	return all
}

// byOthers leaves out what our own repairs wrote, and versions whose digest they may have written.
func (r *run) byOthers(ctx context.Context, s *state) ([]policy.StateWrite, error) {
	if r.Own == nil {
		return s.Writes, nil
	}
	ours, err := r.Own.Written(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	accepted, err := r.Own.Accepted(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(s.Writes), func(w policy.StateWrite) bool {
		return slices.ContainsFunc(ours, func(o ledger.Written) bool { return o.MayBe(w.VersionID, w.At) }) ||
			(w.Digest == policy.Present && slices.ContainsFunc(accepted, func(at time.Time) bool { return r.isNewestAt(s, w, at) }))
	}), nil
}

// isNewestAt reports whether a version was the newest one, as far as is remembered, at some time.
func (r *run) isNewestAt(s *state, w policy.StateWrite, at time.Time) bool {
	i := slices.IndexFunc(s.Writes, func(other policy.StateWrite) bool { return other.At.After(at) })
	if i < 0 {
		i = len(s.Writes)
	}
	return i > 0 && s.Writes[i-1].VersionID == w.VersionID
}
