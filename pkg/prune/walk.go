package prune

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

const (
	// workers bounds the states that are handled at once.
	workers = 32
	// perGroup is for how many states the digests are read at once: as many rows as
	// DynamoDB reads in one call.
	perGroup = 100
)

// candidate is a stale state that may be pruned at all.
type candidate struct {
	bucket    *backend.Bucket
	path      string
	modified  time.Time
	versioned bool
	number    int         // it is the how manieth, from 1
	before    ledger.Mark // a walk from there on finds it again
}

// walk lists every bucket by the prefixes of the paths, from the mark on, and hands out
// what it finds. It gives where the next run is to go on, or nil at the end.
func (r *run) walk(ctx context.Context, mark ledger.Mark) *ledger.Mark {
	// Workers stay, rather than begin anew for each state: the SDK's calls go deep, and a
	// stack that has grown once serves them all.
	work := make(chan func())
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for handle := range work {
				handle()
			}
		})
	}
	var waiting []candidate
	hand := func() {
		paths := make([]string, len(waiting))
		for i, c := range waiting {
			paths[i] = c.path
		}
		known := r.readDigests(ctx, paths)
		for _, c := range waiting {
			if r.Now().After(r.stopAt) {
				r.tally.interrupt(c.number, c.before)
				break
			}
			work <- func() {
				if r.handle(ctx, c, known) != nil && ctx.Err() != nil {
					r.tally.interrupt(c.number, c.before)
				}
			}
		}
		waiting = nil
	}
	stopped := r.list(ctx, mark, func(c candidate) {
		if waiting = append(waiting, c); len(waiting) == perGroup {
			hand()
		}
	})
	if len(waiting) > 0 {
		hand()
	}
	close(work)
	group.Wait()
	if r.tally.interrupted != nil {
		return r.tally.interrupted
	}
	return stopped
}

func (r *run) list(ctx context.Context, mark ledger.Mark, found func(candidate)) *ledger.Mark {
	prefixes := r.Rules.Paths.Prefixes()
	skipping := r.known(mark, prefixes)
	number := 0
	for _, b := range r.Stores.Buckets {
		versioned, err := b.Versioned(ctx)
		if err != nil {
			r.tally.fail(err)
			skipping = skipping && mark.Bucket != b.ARN()
			continue
		}
		for _, prefix := range prefixes {
			here := ledger.Mark{Bucket: b.ARN(), Prefix: prefix}
			if skipping {
				if mark.Bucket != here.Bucket || mark.Prefix != here.Prefix {
					continue
				}
				skipping, here.Key = false, mark.Key
			}
			for o, err := range b.Objects(ctx, prefix, here.Key) {
				if r.Now().After(r.stopAt) || ctx.Err() != nil {
					return &here
				}
				if err != nil {
					r.tally.fail(err)
					break
				}
				before := here
				here.Key = o.Key
				if !r.stale(o) {
					continue
				}
				number++
				found(candidate{b, b.Name() + "/" + o.Key, o.Modified, versioned, number, before})
			}
		}
	}
	return nil
}

// stale says whether an object is a stale state whose path can be pruned. A key that ends
// in a slash is a folder that some console made.
func (r *run) stale(o backend.Object) bool {
	return !strings.HasSuffix(o.Key, "/") && r.Rules.Paths.Match(o.Key) && !o.Modified.After(r.cutoff)
}

// known says whether the mark still names something that is listed.
func (r *run) known(mark ledger.Mark, prefixes []string) bool {
	return slices.Contains(prefixes, mark.Prefix) && slices.ContainsFunc(r.Stores.Buckets, func(b *backend.Bucket) bool { return b.ARN() == mark.Bucket })
}
