package scan

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// notLooked is the problem of a state until Look has looked at it.
const notLooked = "too many locks to look at every state"

// lookupTime bounds the looks at states: they are evidence, and what comes after the
// scan must not run out over them. lookTime bounds each, so that one bucket that hangs
// does not take the evidence of others.
const (
	lookupTime = 20 * time.Second
	lookTime   = lookupTime / few
)

// justNow is how old a listing may be at the end of the reading, whose other stores may
// take longer: an apply writes its state at any moment, and that it is alive must be seen.
const justNow = 5 * time.Second

// Rank orders verdicts by how much they matter, the most pressing first.
func Rank(v policy.Verdict) int {
	switch v {
	case policy.Stuck:
		return 0
	case policy.Unreadable:
		return 1
	default:
		return 2
	}
}

// Look finds out when the states under these locks were last written: from the listing
// that showed their bucket's locks just now, or else by asking, a few in a row and the rows
// side by side. A state that cannot be looked at is evidence of its own.
func (s *Scanner) Look(ctx context.Context, r Reading, locks []policy.Case) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var group sync.WaitGroup
	var taken atomic.Int64
	for range min(lookers, (len(locks)+few-1)/few) {
		group.Go(func() {
			for i := taken.Add(1) - 1; i < int64(len(locks)); i = taken.Add(1) - 1 {
				if locks[i].Verdict != policy.Unreadable {
					locks[i].State = s.look(ctx, r, locks[i].Lock)
				}
			}
		})
	}
	group.Wait()
}

func (s *Scanner) look(ctx context.Context, r Reading, l tflock.Lock) policy.State {
	watched := r.stateOf(l)
	if watched == nil {
		return policy.State{Problem: "its bucket is not watched", Unwatched: true}
	}
	if r.Failed(watched.ARN()) {
		return policy.State{Problem: "its bucket cannot be read"}
	}
	if shown := r.listed[watched.ARN()]; r.Ended.Sub(shown.at) <= justNow {
		if written, known := shown.times.Of(l.Path); known {
			return policy.State{Written: written}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	written, err := watched.StateWritten(ctx, l.Path)
	if err != nil {
		return policy.State{Problem: err.Error()}
	}
	return policy.State{Written: written}
}

// stateOf gives the watched bucket that the lock's state is in, or nil. Where a search
// failed it may be one that only says so.
func (r Reading) stateOf(l tflock.Lock) *backend.Bucket {
	name, _, _ := tflock.SplitPath(l.Path)
	if b, ok := r.buckets[name]; ok || r.Complete() {
		return b
	}
	return r.stores.BucketOf(l.Path)
}

// Figures are what there is to count.
type Figures struct {
	Held, Stuck, Unreadable int           // held: locks with an ID, stuck ones included
	Oldest                  time.Duration // age of the oldest lock with an ID
}

func (f *Figures) count(c policy.Case) {
	if c.Verdict == policy.Unreadable {
		f.Unreadable++
		return
	}
	f.Held++
	f.Oldest = max(f.Oldest, c.Held)
	if c.Verdict == policy.Stuck {
		f.Stuck++
	}
}

// Count counts some of the locks of a sight.
func Count(locks []policy.Case) Figures {
	var f Figures
	for _, c := range locks {
		f.count(c)
	}
	return f
}
