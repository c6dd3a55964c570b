package inventory

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// checkScope refuses a path that no inventory would look at.
func (r *run) checkScope() error {
	switch {
	case r.scope == "":
		return nil
	case r.stores.BucketOf(r.scope) == nil:
		return fmt.Errorf("%s is in no watched bucket", r.scope)
	case !r.isState(r.scope):
		return fmt.Errorf("%s does not match StatePaths, so that it does not count as a state", r.scope)
	}
	return nil
}

// isState reports whether a path counts as that of a state. A key that ends in a slash is a
// folder that some console made.
func (r *run) isState(path tflock.Path) bool {
	key := path.Key()
	return path.Valid() && !strings.HasSuffix(key, "/") && r.Paths.Match(key)
}

// includes reports whether this run looks at a path.
func (r *run) includes(path tflock.Path) bool { return r.scope == "" || r.scope == path }

// list brings the states of the memory up to what the buckets have now. In a bucket that
// cannot be listed to its end nothing is forgotten.
func (r *run) list() {
	seen := map[tflock.Path]bool{}
	r.seen = seen
	for _, b := range r.stores.Buckets {
		if r.scope != "" && r.stores.BucketOf(r.scope) != b {
			continue
		}
		if err := r.listBucket(b, seen); err != nil {
			r.bucketsFailed[b.Name()] = true
			r.fail(err)
		}
	}
	r.trim()
	r.seen = nil
	var missing []tflock.Path
	for path := range r.memory.states {
		switch watched := r.isState(path) && r.stores.BucketOf(path) != nil; {
		case watched && (!r.includes(path) || seen[path] || r.bucketFailed(path)):
		case watched:
			missing = append(missing, path)
		default:
			r.forget(path)
		}
	}
	r.lookFor(missing)
}

// lookFor forgets the states that no listing had, once each was asked for by its name: some
// stores leave a key out of a listing now and then (SeaweedFS does).
func (r *run) lookFor(missing []tflock.Path) {
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, path := range missing {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			o, err := r.stores.BucketOf(path).Stat(r.times.work, path)
			refused, isRefused := errors.AsType[*backend.Error](err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, backend.ErrGone):
				r.forget(path)
			case err == nil:
				if s := r.memory.states[path]; s != nil { // else there was no room
					r.grow(s, func() { s.list(o) })
				}
			case isRefused && refused.Refused(): // it may be there, under a key of its owner
			default:
				r.failAt(path, fmt.Errorf("whether %s is there is not known: %w", plain.Quoted(path), err))
			}
		})
	}
	group.Wait()
}

// forget removes a state that is gone.
func (r *run) forget(path tflock.Path) {
	if s := r.memory.states[path]; s != nil {
		r.room.add(path.Prefix(), -s.weight())
	}
	delete(r.memory.states, path)
}

// bucketFailed reports whether the bucket of a path could not be read.
func (r *run) bucketFailed(path tflock.Path) bool {
	b := r.stores.BucketOf(path)
	return b != nil && r.bucketsFailed[b.Name()]
}

func (r *run) listBucket(b *backend.Bucket, seen map[tflock.Path]bool) error {
	prefixes := r.Paths.Prefixes()
	if r.scope != "" {
		prefixes = []string{r.scope.Key()}
	}
	for _, prefix := range prefixes {
		if err := r.listPrefix(b, prefix, seen); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) listPrefix(b *backend.Bucket, prefix string, seen map[tflock.Path]bool) error {
	for o, err := range b.Objects(r.times.work, prefix, "") {
		if err != nil {
			return err
		}
		path := tflock.NewPath(b.Name(), o.Key)
		switch {
		case r.isState(path) && r.includes(path):
			r.take(path, o, seen)
		case r.scope != "": // the first key with a prefix is the prefix itself
			return nil
		}
	}
	return nil
}

// take takes a listed object over, if there is room for it.
func (r *run) take(path tflock.Path, o backend.Object, seen map[tflock.Path]bool) {
	s := r.memory.states[path]
	if s == nil {
		if s = (&state{Path: path}); !r.admits(s) {
			return
		}
		r.memory.states[path] = s
		r.room.add(path.Prefix(), s.weight())
	}
	seen[path] = true
	r.grow(s, func() { s.list(o) })
	r.trim()
}

// locking reads how the monitor saw states being locked: those that exist, since others may be any
// number. It is nil where that is not known.
func (r *run) locking() map[tflock.Path][]policy.LockingSeen {
	if r.History == nil {
		r.historyFailed = true
		return nil
	}
	seen, left, err := r.History.Locking(r.times.work, r.hasState)
	if err != nil {
		r.historyFailed = true
		r.fail(fmt.Errorf("how states are locked could not be read: %w", err))
		return nil
	}
	for _, path := range left {
		r.doubts.locking(path)
	}
	for path, s := range r.memory.states {
		if r.includes(path) {
			s.Locking = policy.LockingNow(seen[path])
		}
	}
	return seen
}

func (r *run) hasState(path tflock.Path) bool {
	_, known := r.memory.states[path]
	return known
}

// errTimeUp says that states are left for the next run.
func errTimeUp(n int) error {
	return fmt.Errorf("%d changed states were not read before the time was up: the next run goes on with them", n)
}

var errInterrupted = errors.New("the time was up")
