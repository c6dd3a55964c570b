package prune

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxCandidates and maxPaths (bytes) bound what a run holds of the states that it may examine. More are left to the next one.
const (
	maxCandidates = 100_000
	maxPaths      = 16 << 20
)

// candidate is a stale state whose path may be pruned.
type candidate struct {
	bucket    *backend.Bucket
	path      tflock.Path
	number    uint64      // in the pass
	place     uint64      // in its folder
	turn      tflock.Path // it is in the folders of this path, in which the states of a folder itself have one more
	size      int64
	modified  time.Time
	versioned bool
}

// candidates are those that a run may examine: some of each folder, where there are too many.
type candidates struct {
	all   []*candidate
	bytes int // of their paths
	more  bool
}

func (c *candidates) add(one *candidate) {
	c.all, c.bytes = append(c.all, one), c.bytes+len(one.path)
	if len(c.all) >= 2*maxCandidates || c.bytes >= 2*maxPaths {
		c.all, c.more = inTurns(c.all, itself), true
		n := 0
		for c.bytes = 0; n < maxCandidates && c.bytes < maxPaths; n++ {
			c.bytes += len(c.all[n].path)
		}
		clear(c.all[n:])
		c.all = c.all[:n]
	}
}

// inTurns orders them by their folders in turn, and what they cost, since whoever may write under one prefix could take the time of a run with very many states, with some hundred
// that are as large as prune reads, or with fewer whose locks take long. Within a folder they have an order that nobody can choose.
func inTurns[T any](all []T, of func(T) *candidate) []T {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(of(a).place, of(b).place) })
	return tflock.InTurnsByCost(all, func(one T) tflock.Path { return of(one).turn }, func(one T) int64 { return of(one).cost() })
}

// cost is what it takes to read a state, as against a small one: one of 128 MB takes Lambda's share of a CPU fifteen seconds.
func (c *candidate) cost() int64 {
	const small = 64 << 10 // bytes
	if c.size > maxRead {
		return 1
	}
	return 1 + c.size/small
}

func itself(c *candidate) *candidate { return c }
