package prune

import (
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// gate decides whether a lock may be taken. A bucket policy or an SCP may allow to write a
// lock and deny to delete it, and each such lock stops a team. So the first lock in a
// bucket is taken alone; each one that could be released lets one more be held at the same
// time; and after one that could not be released none is taken any more in this run. What an earlier run left
// for a cause that may be of that state alone keeps others only from its own folder.
type gate struct {
	mu      sync.Mutex
	changed *sync.Cond
	blocked blocked
	buckets map[string]*bucketSlots
}

// bucketSlots is what is known of one bucket.
type bucketSlots struct {
	width   int // locks that may be held at once
	held    int
	came    int // whoever came is let in in that order: else one would wait for all whose neighbours keep coming
	entered int
	proven  bool // a lock object was released
	refused *refusal
}

// refusal is why nothing is deleted in a bucket any more.
type refusal struct {
	reason policy.KeptReason
	why    string
}

// newGate makes the gate of a run. The one before it could not release a lock at that place, and these locks of earlier ones are still there.
func newGate(place tflock.Path, left []*statelock.LeftError) *gate {
	g := &gate{buckets: map[string]*bucketSlots{}}
	g.blocked.remember(place)
	for _, l := range left {
		g.blocked.add(l)
	}
	g.changed = sync.NewCond(&g.mu)
	return g
}

func (g *gate) bucketSlots(b *backend.Bucket) *bucketSlots {
	at := g.buckets[b.ARN()]
	if at == nil {
		at = &bucketSlots{width: 1}
		g.buckets[b.ARN()] = at
	}
	return at
}

// enter waits until a lock of that state may be taken, each in the order of coming, and whoever enters must leave.
// With blocked or refused nobody enters any more, and they say why.
func (g *gate) enter(b *backend.Bucket, path tflock.Path) (blocked string, refused *refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.bucketSlots(b)
	turn := at.came
	at.came++
	for turn != at.entered || (at.held >= at.width && g.blocked.of(path) == "" && at.refused == nil) {
		g.changed.Wait()
	}
	at.entered++
	g.changed.Broadcast()
	blocked = g.blocked.of(path)
	if blocked == "" && at.refused == nil {
		at.held++
	}
	return blocked, at.refused
}

// leave says how the lock ended: whether one was taken and released, and why one could not
// be released.
func (g *gate) leave(b *backend.Bucket, released bool, left *statelock.LeftError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.bucketSlots(b)
	at.held--
	switch {
	case left != nil:
		g.blocked.end(left)
	case released:
		at.proven = true
		at.width = min(at.width+1, workers)
	}
	g.changed.Broadcast()
}

// left is where the next run takes no lock, since this one could not release one there; empty: nowhere.
func (g *gate) left() tflock.Path {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.blocked.next
}

// proven reports whether a lock object could be released in that bucket.
func (g *gate) proven(b *backend.Bucket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bucketSlots(b).proven
}

// refuse ends the deletes in a bucket.
func (g *gate) refuse(b *backend.Bucket, reason policy.KeptReason, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bucketSlots(b).refused = &refusal{reason, why}
	g.changed.Broadcast()
}
