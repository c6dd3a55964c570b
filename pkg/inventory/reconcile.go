package inventory

import (
	"fmt"
	"slices"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// doubts are what could not be decided in this run.
type doubts struct {
	mu         sync.Mutex
	digests    map[tflock.Path]bool // by path
	duplicates map[tflock.Path]bool
	lockings   map[tflock.Path]bool
}

func (d *doubts) digest(path tflock.Path)    { d.add(&d.digests, path) }
func (d *doubts) duplicate(path tflock.Path) { d.add(&d.duplicates, path) }

func (d *doubts) locking(path tflock.Path) { d.add(&d.lockings, path) }

func (d *doubts) add(to *map[tflock.Path]bool, path tflock.Path) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *to == nil {
		*to = map[tflock.Path]bool{}
	}
	(*to)[path] = true
}

// fate is the fate of an open finding that was not found again.
type fate int

const (
	isGone    fate = iota // it is resolved
	isUnknown             // it stays, since that is unknown
	isDropped             // its place is not watched any more, of which nothing is said
)

// reconcile brings the records up to what was found.
func (r *run) reconcile(found []policy.StateFinding) {
	again := r.record(found)
	r.lookAtLocks(again)
	r.forgetGone(again)
}

// record records what was found, and returns the identities of that.
func (r *run) record(found []policy.StateFinding) (again map[string]bool) {
	at := map[string]int{}
	for n, rec := range r.memory.records {
		at[rec.Finding.Identity()] = n
	}
	again = map[string]bool{}
	for _, f := range found {
		id := f.Identity()
		again[id] = true
		if n, open := at[id]; open {
			f.Since = r.memory.records[n].Finding.Since
			r.memory.records[n] = r.memory.records[n].again(f, r.memory.etags(f))
			continue
		}
		f.Since = r.started.UTC()
		r.memory.records = append(r.memory.records, record{Finding: f, Of: r.memory.etags(f)})
	}
	return again
}

// forgetGone marks the records of findings that are gone, and leaves out those of which nobody is notified any more. There is room for a part of
// the function's memory: first what is known takes it, and then those of which it is not known whether they are gone.
func (r *run) forgetGone(again map[string]bool) {
	var happened, unsure []record
	for _, rec := range r.memory.records {
		f := rec.Finding
		if !f.Type.Occurs() && !again[f.Identity()] && r.concerns(f) {
			switch r.fate(f) {
			case isDropped:
				continue
			case isGone:
				rec.Gone = true
				rec.Notified = rec.Notified || rec.NotifiedAs != "" // of less than it was in the end
			case isUnknown:
				rec.Gone = false
				unsure = append(unsure, rec)
				continue
			}
		}
		if rec.Gone && !rec.Notified {
			continue // people never heard of it
		}
		if f.Type.Occurs() { // they have their own room
			happened = append(happened, rec)
			continue
		}
		r.open.add(sharerOf(f), rec, weightOf(f))
	}
	for _, rec := range unsure {
		r.open.add(sharerOf(rec.Finding), rec, weightOf(rec.Finding))
	}
	r.memory.records = append(happened, r.open.items()...)
	if n := sum(r.open.left); n > 0 {
		r.remark(fmt.Sprintf("%d findings under %s are not reported: they are more than the function's memory is enough for", n, crowd(r.open.left)))
	}
}

// sharerOf is whose share of the room a finding takes: a prefix, or two that have a resource in common.
func sharerOf(f policy.StateFinding) string {
	if paths := f.All(); len(paths) == 2 {
		return prefixes(paths[0], paths[1])
	}
	return f.Path.Prefix()
}

// again is the record of a finding that was found again. What is worse by now is new to people.
func (rec record) again(f policy.StateFinding, etags []string) record {
	return record{
		Finding: f, Of: etags, NotifiedAs: rec.NotifiedAs,
		Notified: rec.Notified && !policy.Worse(f.Severity, rec.NotifiedAs),
	}
}

// concerns reports whether this run looked at what a finding is about.
func (r *run) concerns(f policy.StateFinding) bool { return slices.ContainsFunc(f.All(), r.includes) }

// lookAtLocks finds out which of the digests that were not found again are of paths that nobody locks. Those of each prefix come in turn:
// whoever writes very many of them, and locks their paths, would have each run end before it comes to those of others.
func (r *run) lookAtLocks(again map[string]bool) {
	var paths []tflock.Path
	for _, rec := range r.memory.records {
		f := rec.Finding
		if f.Type != policy.FindingDigestMismatch && f.Type != policy.FindingDigestOrphan || again[f.Identity()] || !r.concerns(f) {
			continue
		}
		if _, decided := r.fateOfPlace(f); !decided && r.withoutLock(f) == isGone {
			paths = append(paths, f.Path)
		}
	}
	ctx, cancel := r.times.half()
	defer cancel()
	r.free = map[tflock.Path]bool{}
	var mu sync.Mutex
	slices.Sort(paths)
	pathsOf(slices.Compact(paths)).each(func(path tflock.Path) {
		lock, err := r.locked(ctx, path)
		if err != nil {
			r.failAt(path, fmt.Errorf("whether %s is locked is not known: %w", plain.Quoted(path), err))
		}
		mu.Lock()
		defer mu.Unlock()
		r.free[path] = lock == isFree
	})
}

// fateOfPlace decides on a finding of a bucket that is not watched, or could not be read.
func (r *run) fateOfPlace(f policy.StateFinding) (fate, bool) {
	for _, path := range f.All() {
		switch {
		case r.stores.BucketOf(path) == nil:
			return isDropped, true
		case r.bucketFailed(path) && f.Type != policy.FindingMixedLocking:
			return isUnknown, true
		}
	}
	return isGone, false
}

// fate decides on a finding that was not found again.
func (r *run) fate(f policy.StateFinding) fate {
	if fate, decided := r.fateOfPlace(f); decided {
		return fate
	}
	switch f.Type {
	case policy.FindingDigestMismatch, policy.FindingDigestOrphan:
		return r.fateOfDigest(f)
	case policy.FindingDuplicateResource:
		return r.fateOfDuplicate(f)
	case policy.FindingMixedLocking:
		if r.historyFailed || r.doubts.lockings[f.Path] || r.leftOut(f.Path) {
			return isUnknown
		}
	}
	return isGone
}

func (r *run) fateOfDigest(f policy.StateFinding) fate {
	if fate := r.withoutLock(f); fate != isGone || r.free[f.Path] {
		return fate
	}
	return isUnknown
}

// withoutLock decides on a finding on a digest, if nobody locks its path.
func (r *run) withoutLock(f policy.StateFinding) fate {
	s := r.memory.states[f.Path]
	switch {
	case !slices.ContainsFunc(r.stores.Tables, func(t *backend.Table) bool { return backend.Covers(t.ARN(), f.Evidence.Table) }):
		return isDropped
	case slices.ContainsFunc(r.stores.Tables, func(t *backend.Table) bool {
		return r.tablesFailed[t.ARN()] && backend.Covers(t.ARN(), f.Evidence.Table)
	}):
		return isUnknown
	case r.doubts.digests[f.Path], s != nil && !s.current(), r.leftOut(f.Path), r.suspects.left[f.Path.Prefix()] > 0:
		return isUnknown
	}
	return isGone
}

func (r *run) fateOfDuplicate(f policy.StateFinding) fate {
	for _, path := range f.All() {
		if s := r.memory.states[path]; r.doubts.duplicates[path] || r.leftOut(path) || (s != nil && (!s.current() || s.Read.Unnamed)) {
			return isUnknown
		}
	}
	if paths := f.All(); len(paths) == 2 && (r.pairs.gaveWay(prefixes(paths[0], paths[1])) || r.pairing.unsure(paths[0], paths[1])) {
		return isUnknown
	}
	return isGone
}
