package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// settler ends what dead invocations began.
type settler struct {
	stores   backend.Set
	locks    *statelock.Locker
	records  records
	tally    *tally
	log      *slog.Logger
	mayWrite bool // to the stores: not with PruneMode=report
}

// settled is what it found.
type settled struct {
	pruned    []ledger.Pruned        // deletes that were not reported
	rewritten []ledger.Pruned        // those of them that were written again since: nothing to restore
	left      []*statelock.LeftError // locks of ours that could not be released
}

// all clears the locks that dead invocations left, and returns the states that they pruned
// and reported to nobody. Every lock of ours has a record, so none has to be looked for.
func (s *settler) all(ctx context.Context) settled {
	var found settled
	records, err := s.records.Unreported(ctx)
	if err != nil {
		s.tally.fail("", err)
		return found
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(workers)
	for _, record := range records {
		b := s.stores.BucketOf(record.State.Path)
		if b == nil || s.underWay(record) {
			continue
		}
		group.Go(func() error {
			err := s.one(ctx, b, record, func(again bool) {
				mu.Lock()
				defer mu.Unlock()
				if found.pruned = append(found.pruned, record); again {
					found.rewritten = append(found.rewritten, record)
				}
			})
			if err != nil {
				s.tally.fail(record.State.Path, err)
			}
			if left, ok := errors.AsType[*statelock.LeftError](err); ok {
				mu.Lock()
				defer mu.Unlock()
				found.left = append(found.left, left)
			}
			return nil
		})
	}
	_ = group.Wait() // the tally has what failed
	return found
}

// underWay reports whether another invocation may still be working on what it recorded.
func (s *settler) underWay(record ledger.Pruned) bool {
	return !s.locks.Repeats(record.Request, record.At) && s.locks.Now().Before(record.Until)
}

// one settles one record. It calls pruned where a delete is to be reported; again says
// that the state was written again since.
func (s *settler) one(ctx context.Context, b *backend.Bucket, record ledger.Pruned, pruned func(again bool)) error {
	path := record.State.Path
	if err := s.clear(ctx, b, path, record.Left); err != nil {
		return err // the record stays, and the next run tries again
	}
	if record.Restoring {
		there, err := b.StateWritten(ctx, path)
		switch {
		case err != nil:
			return err
		case there.IsZero():
			return s.records.Withdraw(ctx, record)
		}
		return errors.Join(s.records.Forget(ctx, path), s.records.Withdraw(ctx, record)) // it succeeded, and could not say so
	}
	history, err := b.History(ctx, path, record.State.VersionID)
	if errors.Is(err, backend.ErrDeepHistory) { // later runs would not find it either
		s.tally.fail(path, notKnown(record, "there are more than "+strconv.Itoa(backend.MaxHistory)+" newer versions and delete markers"))
		return s.records.Withdraw(ctx, record)
	}
	if err != nil {
		return err
	}
	p, next := pastOf(history, record.State.VersionID)
	switch {
	case p == wasDeleted && byRun(next.Modified, record.At), p == notInHistory && replaced(history, record.State.VersionID, record.At):
		pruned(!history[0].Marker)
		return nil
	case p == notInHistory:
		s.tally.fail(path, notKnown(record, "the version that it was to delete is not in the bucket's history any more"))
	}
	return s.records.Withdraw(ctx, record) // the delete never came, or was somebody else's
}

func notKnown(record ledger.Pruned, why string) error {
	return fmt.Errorf("whether the run of %s pruned %s is not known: %s", record.At.Format("2006-01-02 15:04"), plain.Quoted(record.State.Path), why)
}

// clear removes the locks of dead invocations of ours from a state.
func (s *settler) clear(ctx context.Context, b *backend.Bucket, path tflock.Path, left string) error {
	if s.mayWrite {
		_, err := s.locks.ClearDead(ctx, b, path, left, s.log)
		return err
	}
	for _, at := range s.locks.Places(b, path) {
		h, found, err := at.Store.Find(ctx, at.Name)
		if err != nil {
			return err
		}
		if found && (s.locks.Leftover(h) || (left != "" && h.Raw == left)) {
			return fmt.Errorf("a lock of an earlier prune is left on %s (ID %s), and with PruneMode=report nothing may release it: deploy with PruneMode=delete, or release it with the unlock function, by its path", plain.Quoted(path), plain.Quoted(plain.Line(h.Info.ID, 60)))
		}
	}
	return nil
}
