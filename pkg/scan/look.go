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

// notLooked is the problem of a state until AddStates has looked at it.
const notLooked = "too many locks to look at every state"

// lookupTime bounds the looks at states: they are evidence, and what comes after the
// scan must not run out over them. lookTime bounds each, so that one bucket that hangs
// does not take the evidence of others.
const (
	lookupTime = 20 * time.Second
	lookTime   = lookupTime / few
)

// justNow is how old what a listing shows may be at the end of the reading, whose other pages and
// stores may take longer: an apply writes its state at any moment, and that it is alive must be seen.
const justNow = 5 * time.Second

// AddStates finds out when the states under these locks were last written: from the listing
// that showed their bucket's locks just now, or else by asking, a few in a row and the rows
// side by side. A state that cannot be looked at is evidence of its own.
func (s *Scan) AddStates(ctx context.Context, locks []policy.Case) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var group sync.WaitGroup
	var taken atomic.Int64
	for range min(lookers, (len(locks)+few-1)/few) {
		group.Go(func() {
			for i := taken.Add(1) - 1; i < int64(len(locks)); i = taken.Add(1) - 1 {
				if locks[i].Verdict != policy.Unreadable {
					locks[i].State = s.stateOf(ctx, locks[i].Path)
				}
			}
		})
	}
	group.Wait()
}

func (s *Scan) stateOf(ctx context.Context, path tflock.Path) policy.State {
	bucket := s.bucketOf(path)
	if bucket == nil {
		return policy.State{Problem: "its bucket is not watched", Unwatched: true}
	}
	if s.Failed(bucket.ARN()) {
		return policy.State{Problem: "its bucket cannot be read"}
	}
	if written, age, known := s.listed[bucket.ARN()].of(path); known && s.Ended.Sub(s.listed[bucket.ARN()].at)+age <= justNow {
		return policy.State{Written: written}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	written, err := bucket.StateWritten(ctx, path)
	if err != nil {
		return policy.State{Problem: err.Error()}
	}
	return policy.State{Written: written}
}

// Bucket returns the watched bucket that a path's state is in, or nil where it is not watched
// or could not be read.
func (s *Scan) Bucket(path tflock.Path) *backend.Bucket {
	b := s.bucketOf(path)
	if b == nil || s.Failed(b.ARN()) {
		return nil
	}
	return b
}

// bucketOf returns the watched bucket that a path's state is in, or nil. Where a search
// failed it may be one that only says so.
func (s *Scan) bucketOf(path tflock.Path) *backend.Bucket {
	if b, ok := s.buckets[path.Bucket()]; ok || s.Complete() {
		return b
	}
	return s.stores.BucketOf(path)
}
