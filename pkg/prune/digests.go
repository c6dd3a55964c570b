package prune

import (
	"context"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// perBatch is for how many states the digests are read at once: as many rows as
	// DynamoDB reads in one call.
	perBatch = 100
	// batchTime is how long a busy table is asked for many digests at once.
	batchTime = 10 * time.Second
)

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

// batches has the digests of each batch of states read by whoever asks for the first of it. They are asked for in their order, and the others of a batch wait for that.
func (d *digestReader) batches(ctx context.Context, states []*candidate) (of func(i int) digests) {
	type batch struct {
		read  chan struct{}
		known digests
	}
	batches := make([]batch, (len(states)+perBatch-1)/perBatch)
	for i := range batches {
		batches[i].read = make(chan struct{})
	}
	return func(i int) digests {
		b := &batches[i/perBatch]
		if i%perBatch == 0 {
			b.known = d.read(ctx, states[i:min(len(states), i+perBatch)])
			close(b.read)
		}
		<-b.read
		return b.known
	}
}

func (d *digestReader) read(ctx context.Context, states []*candidate) digests {
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
