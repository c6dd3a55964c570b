package prune

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// workers bounds the states that are handled at once.
	workers = 32
	// perBatch is for how many states the digests are read at once: as many rows as
	// DynamoDB reads in one call.
	perBatch = 100
	// linger is how long a state waits for others.
	linger = 2 * time.Second
)

// batcher holds candidates until there are enough to read their digests at once, and
// then dispatches them to workers.
type batcher struct {
	handler *handler
	digests *digestReader
	stopAt  time.Time
	now     func() time.Time

	work    chan func()
	workers sync.WaitGroup
	waiting []candidate
	since   time.Time // the first of them waits
}

// newBatcher starts the workers. They stay, rather than start again for each state: the
// SDK's calls go deep, and a stack that has grown once serves them all.
func newBatcher(h *handler, d *digestReader, stopAt time.Time, now func() time.Time) *batcher {
	b := &batcher{handler: h, digests: d, stopAt: stopAt, now: now, work: make(chan func())}
	for range workers {
		b.workers.Go(func() {
			for handle := range b.work {
				handle()
			}
		})
	}
	return b
}

func (b *batcher) add(c candidate, now time.Time) {
	if len(b.waiting) == 0 {
		b.since = now
	}
	b.waiting = append(b.waiting, c)
}

// due reports whether those that wait have to go: a long listing with few stale states in it
// must not keep them until the time is up.
func (b *batcher) due(now time.Time) bool {
	return len(b.waiting) == perBatch || (len(b.waiting) > 0 && now.Sub(b.since) > linger)
}

// dispatch returns the workers what waits, until it is time to begin nothing more.
func (b *batcher) dispatch(ctx context.Context) {
	waiting := b.waiting
	b.waiting = nil
	var known digests
	for i, c := range waiting {
		if b.now().After(b.stopAt) || ctx.Err() != nil || b.handler.tally.full() {
			b.handler.tally.interrupt(c)
			return
		}
		if i == 0 {
			known = b.digests.read(ctx, waiting)
		}
		b.work <- func() {
			if err := b.handler.handle(ctx, c, known); errors.Is(err, errNoTime) || (err != nil && ctx.Err() != nil) {
				b.handler.tally.interrupt(c)
			}
		}
	}
}

// finish dispatches the rest and waits for the workers.
func (b *batcher) finish(ctx context.Context) {
	b.dispatch(ctx)
	close(b.work)
	b.workers.Wait()
}

// batchTime is how long a busy table is asked for many digests at once.
const batchTime = 10 * time.Second

// digestReader reads the digests of many states at once.
type digestReader struct {
	tables []*backend.Table
	now    func() time.Time
	log    *slog.Logger
	idle   bool // nothing is deleted, so that nobody asks for a digest
}

// digests are what the tables said of some states before those were looked at.
type digests struct {
	at  time.Time                                 // before they were read
	of  map[*backend.Table]map[tflock.Path]string // by path
	err map[*backend.Table]error                  // why not
}

func (d *digestReader) read(ctx context.Context, states []candidate) digests {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	paths := make([]tflock.Path, len(states))
	for i, s := range states {
		paths[i] = s.path
	}
	known := digests{at: d.now(), of: map[*backend.Table]map[tflock.Path]string{}, err: map[*backend.Table]error{}}
	if d.idle {
		return known
	}
	for _, t := range d.tables {
		if known.of[t], known.err[t] = t.Digests(ctx, paths); known.err[t] != nil {
			d.log.WarnContext(ctx, "digests could not be read all at once, so they are read one by one", "error", known.err[t])
		}
	}
	return known
}

// digest is what the table says of the state now. Clients write a digest after the
// state, so one that was read before, or within the clocks' difference, says nothing: it
// is read by itself then, and also where all at once could not be had.
func (d digests) digest(ctx context.Context, t *backend.Table, path tflock.Path, written time.Time) (string, error) {
	if d.err[t] != nil || written.After(d.at.Add(-statelock.Skew)) {
		return t.Digest(ctx, path)
	}
	return d.of[t][path], nil
}
