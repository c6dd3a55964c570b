package prune

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// record makes the record of a state whose lock we are about to take.
func (l *locker) record(s policy.Stale, restoring bool) ledger.Pruned {
	if !restoring {
		s.Fate = policy.Pruned
	}
	return ledger.Pruned{At: l.now().UTC().Truncate(time.Second), Owner: l.owner, Request: l.note.Request, Until: l.note.Deadline.Add(skew), Restoring: restoring, State: s}
}

// settleAll ends what dead invocations began: it clears the locks that they left, and gives
// the states that they pruned and told nobody of. Every lock of ours has a record, so
// none has to be looked for.
func (r *run) settleAll(ctx context.Context) []ledger.Pruned {
	records, err := r.Records.UntoldPruned(ctx)
	if err != nil {
		r.tally.fail(err)
		return nil
	}
	var mu sync.Mutex
	var untold []ledger.Pruned
	var group errgroup.Group
	group.SetLimit(workers)
	for _, record := range records {
		b := r.Stores.BucketOf(record.State.Path)
		if b == nil || (!r.repeats(record.Request, record.At) && r.now().Before(record.Until)) {
			continue
		}
		group.Go(func() error {
			tell, err := r.end(ctx, b, record)
			if err != nil {
				r.tally.fail(err)
			}
			if tell {
				mu.Lock()
				defer mu.Unlock()
				untold = append(untold, record)
			}
			return nil
		})
	}
	_ = group.Wait() // the tally has what failed
	return untold
}

// end settles one record, and says whether there is a prune to tell.
func (r *run) end(ctx context.Context, b *backend.Bucket, record ledger.Pruned) (tell bool, err error) {
	path := record.State.Path
	if _, err := r.settle(ctx, b, r.locker, path); err != nil {
		return false, err // the record stays, and the next run tries again
	}
	there, err := b.StateWritten(ctx, path)
	switch {
	case err != nil:
		return false, err
	case record.Restoring && !there.IsZero(): // it succeeded, and could not say so
		return false, r.Records.ForgetPruned(ctx, path)
	case record.Restoring, there.Truncate(time.Second).Equal(record.State.LastModified.Truncate(time.Second)):
		return false, r.Records.WithdrawPruned(ctx, record) // the delete never came
	}
	// It is gone, or another is there by now: a prune that nobody heard of.
	return true, nil
}
