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
	// linger is how long a state waits for others.
	linger = 2 * time.Second
)

// candidate is a stale state that may be pruned at all.
type candidate struct {
	bucket    *backend.Bucket
	path      string
	modified  time.Time
	versioned bool
	number    int         // counts those that were found, from 1
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
	g := &gatherer{run: r, work: work}
	stopped := r.list(ctx, mark, g)
	g.hand(ctx)
	close(work)
	group.Wait()
	if r.tally.interrupted != nil {
		return r.tally.interrupted
	}
	return stopped
}

// gatherer holds candidates until there are enough to read their digests at once.
type gatherer struct {
	*run
	work    chan<- func()
	waiting []candidate
	since   time.Time // the first of them waits
}

func (g *gatherer) add(c candidate, now time.Time) {
	if len(g.waiting) == 0 {
		g.since = now
	}
	g.waiting = append(g.waiting, c)
}

// due says whether they have to go: a long listing with few stale states in it must not
// keep them until the time is up.
func (g *gatherer) due(now time.Time) bool {
	return len(g.waiting) == perGroup || (len(g.waiting) > 0 && now.Sub(g.since) > linger)
}

// hand gives the workers what waits, until it is time to begin nothing more.
func (g *gatherer) hand(ctx context.Context) {
	waiting := g.waiting
	g.waiting = nil
	var known digests
	for i, c := range waiting {
		if g.Now().After(g.stopAt) || ctx.Err() != nil {
			g.tally.interrupt(c.number, c.before)
			return
		}
		if i == 0 {
			known = g.readDigests(ctx, waiting)
		}
		g.work <- func() {
			if g.handle(ctx, c, known) != nil && ctx.Err() != nil {
				g.tally.interrupt(c.number, c.before)
			}
		}
	}
}

func (r *run) list(ctx context.Context, mark ledger.Mark, g *gatherer) *ledger.Mark {
	prefixes := r.Rules.Paths.Prefixes()
	skipping := r.known(mark, prefixes)
	number := 0
	for _, b := range r.Stores.Buckets {
		versioned, err := b.Versioned(ctx)
		if err != nil {
			r.tally.fail(err)
			switch {
			case ctx.Err() != nil && skipping:
				return &mark
			case ctx.Err() != nil && len(prefixes) > 0:
				return &ledger.Mark{Bucket: b.ARN(), Prefix: prefixes[0]}
			}
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
				now := r.Now()
				if now.After(r.stopAt) || ctx.Err() != nil {
					return &here
				}
				if g.due(now) {
					g.hand(ctx)
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
				g.add(candidate{b, b.Name() + "/" + o.Key, o.Modified, versioned, number, before}, now)
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
