package prune

import (
	"context"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

const (
	// workers bounds the states that are handled at once.
	workers = 32
	// tooLate is how much time has to be left for states to be examined after others were deleted.
	tooLate = time.Minute
)

// walk handles the stale states that the pass has not done. It returns what the next run goes on with, and whether all of them are done. Without a remover nothing is deleted.
//
// Whoever may write under one prefix can make each lock of a state there take many seconds, and until one was released they are taken one after the other (see gate). So
// the locks come after everything that needs none: first half of the time for the listing, then half of what is left to examine states, and then what may be deleted, each by
// the folders in turn.
func (r *run) walk(ctx context.Context, stopAt time.Time, remove *remover, from ledger.Place) (next ledger.Pass, whole bool) {
	l := &lister{buckets: r.pruner.Stores.Buckets, paths: r.pruner.Rules.Paths, cutoff: r.inspect.cutoff, pass: r.pass, tally: r.tally}
	found, place := l.list(ctx, from, stopAt.Sub(r.pruner.Now())/2)
	h := &handler{
		inspect: r.inspect, remove: remove, tally: r.tally, pass: r.pass, log: r.pruner.Log, now: r.pruner.Now, stopAt: stopAt,
		digests: &digestReader{tables: r.pruner.Stores.Tables, now: r.pruner.Now, log: r.pruner.Log, idle: r.inspect.unsure != ""},
	}
	rest := inTurns(found.all, itself)
	for {
		var empty []*inspection
		rest, empty = h.examineAll(ctx, rest)
		h.removeAll(ctx, empty)
		if len(rest) == 0 || h.over(ctx, stopAt.Add(-tooLate)) {
			return r.pass.next(place, found.more || len(rest) > 0 || h.left.Load())
		}
	}
}

func halfway(now, until time.Time) time.Time { return now.Add(until.Sub(now) / 2) }

// over reports whether nothing more is begun.
func (h *handler) over(ctx context.Context, at time.Time) bool {
	return h.now().After(at) || ctx.Err() != nil || h.tally.full()
}

// examineAll examines states in half of the time that is left, and returns those for which there was none, and those that may be deleted. One that hangs is cut off before
// it takes the time of those.
func (h *handler) examineAll(ctx context.Context, states []*candidate) (rest []*candidate, empty []*inspection) {
	now := h.now()
	half := halfway(now, h.stopAt)
	ctx, cancel := context.WithTimeout(ctx, halfway(half, h.stopAt).Sub(now))
	defer cancel()
	known := h.digests.batches(ctx, states)
	var mu sync.Mutex
	begun := each(len(states), workers, func() bool { return h.over(ctx, half) }, func(i int) {
		if s := h.examine(ctx, states[i], known(i)); s != nil {
			mu.Lock()
			defer mu.Unlock()
			empty = append(empty, s)
		}
	})
	return states[begun:], empty
}

// removeAll deletes states that may be deleted, as long as there is time. Each bucket has workers of its own, since they may all wait for a lock in one.
func (h *handler) removeAll(ctx context.Context, empty []*inspection) {
	of := map[*backend.Bucket][]*inspection{}
	for _, s := range empty {
		of[s.bucket] = append(of[s.bucket], s)
	}
	var buckets sync.WaitGroup
	for _, empty := range of {
		buckets.Go(func() {
			empty = inTurns(empty, func(s *inspection) *candidate { return s.candidate })
			begun := each(len(empty), max(1, workers/len(of)), func() bool { return h.over(ctx, h.stopAt) }, func(i int) { h.delete(ctx, empty[i]) })
			if begun < len(empty) {
				h.left.Store(true)
			}
		})
	}
	buckets.Wait()
}

// each has workers do n things in their order, until it is time to begin nothing more, and returns how many they did.
func each(n, workers int, over func() bool, do func(i int)) (begun int) {
	var mu sync.Mutex
	next := func() (i int, more bool) {
		mu.Lock()
		defer mu.Unlock()
		if begun == n || over() {
			return 0, false
		}
		begun++
		return begun - 1, true
	}
	var all sync.WaitGroup
	for range min(n, workers) {
		all.Go(func() {
			for i, more := next(); more; i, more = next() {
				do(i)
			}
		})
	}
	all.Wait()
	return begun
}
