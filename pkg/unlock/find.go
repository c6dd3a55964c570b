package unlock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// find reads the locks that a reference may mean. With a path, that is one read a
// store; without one, everything is scanned and holdings of that ID are
// kept, with those that nobody can read.
// unread says which stores could not be read.
func (u *Unlocker) find(ctx context.Context, ref tflock.Reference) (locks []tflock.Lock, unread []error, err error) {
	var mu sync.Mutex
	var holdings []tflock.Holding
	keep := func(h tflock.Holding) {
		mu.Lock()
		defer mu.Unlock()
		holdings = append(holdings, h)
	}
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		unread = append(unread, err)
	}
	var group errgroup.Group
	for _, s := range u.Stores.All() {
		group.Go(func() error {
			if ref.Path != "" {
				h, found, err := s.Find(ctx, ref.Path)
				if err != nil {
					fail(err)
				} else if found {
					keep(h)
				}
				return nil
			}
			for h, err := range s.Holdings(ctx) {
				if err != nil {
					fail(err)
					return nil
				}
				if h.Err != nil || h.Info.ID == ref.ID { // one that nobody can read may be a half of it
					keep(h)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return tflock.Merge(holdings), unread, err
}

// pick parts the locks of that ID from the readable others.
func pick(locks []tflock.Lock, ref tflock.Reference) (named, others []tflock.Lock) {
	for _, l := range locks {
		switch {
		case l.ID == ref.ID:
			named = append(named, l)
		case l.Readable():
			others = append(others, l)
		}
	}
	return named, others
}

// concerning gives what keeps us from calling this lock released as a whole: a store
// that was not read and may hold a half of it, and what nobody can read on its path.
func concerning(l tflock.Lock, locks []tflock.Lock, unread []error) []error {
	var list []error
	bucket, _, _ := tflock.SplitPath(l.Path)
	for _, err := range unread {
		at, ok := errors.AsType[*backend.Error](err)
		if ok && strings.Contains(at.Store, ":s3:") && !strings.HasSuffix(at.Store, ":::"+bucket) {
			continue // a state's lock object lies in the state's own bucket
		}
		list = append(list, err)
	}
	for _, other := range locks {
		if !other.Readable() && other.Path == l.Path {
			list = append(list, fmt.Errorf("%s holds something on this path that nobody can read, and it was left alone: %w", other.Holdings[0].Store, other.Holdings[0].Err))
		}
	}
	return list
}
