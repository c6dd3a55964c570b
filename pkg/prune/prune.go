package prune

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type records interface {
	RecordPruned(ctx context.Context, p ledger.Pruned) error
	ForgetPruned(ctx context.Context, path string) error
	UntoldPruned(ctx context.Context) ([]ledger.Pruned, error)
	ToldPruned(ctx context.Context, told []ledger.Pruned) error
}

type bookmark interface {
	Mark(ctx context.Context) (ledger.Mark, error)
	SetMark(ctx context.Context, m ledger.Mark) error
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

type meter interface {
	CountPruned(ctx context.Context, pruned, abandoned int, at time.Time) error
}

// Rules are the settings that a prune decides by.
type Rules struct {
	Paths      policy.Paths
	After      time.Duration // a state that was not written for longer is stale
	ReportOnly bool          // PruneMode=report: delete nothing
}

// Pruner is what a prune depends on.
type Pruner struct {
	Stores   backend.Set
	Records  records
	Bookmark bookmark
	Composer alert.Composer
	Topic    publisher
	Meter    meter
	Rules    Rules
	Now      func() time.Time
	Log      *slog.Logger
}

// workers bounds the states that are handled at once.
const workers = 32

// Run goes over the stale states. requestID names the invocation, and the context's
// deadline is when it dies: both go into the locks that it takes, so that a later run
// knows a leftover. What could not be done is among the report's errors; an error means
// that a repeat is needed, since a lock of ours may be left or people were not told.
func (p *Pruner) Run(ctx context.Context, request Request, requestID string) (Report, error) {
	started := p.Now()
	r := &run{
		Pruner: p, locker: newLocker(ctx, p.Stores, requestID, started, p.Now),
		deletes: !p.Rules.ReportOnly && !request.DryRun, cutoff: started.Add(-p.Rules.After),
	}
	for _, t := range p.Stores.Tables {
		// A path that no client can have: a bucket's name begins with no capital.
		if _, _, err := t.Find(ctx, "Lockwarden/readable"); err != nil {
			r.blind = "whether it is locked is not known: " + err.Error()
			r.tally.fail(err)
		}
	}
	var mark ledger.Mark
	var err error
	if !request.DryRun {
		if mark, err = p.Bookmark.Mark(ctx); err != nil {
			r.tally.fail(err) // from the beginning, then
		}
	}
	stopped := r.walk(ctx, mark)
	report := r.tally.report(!r.deletes)
	report.StoppedEarly = stopped != nil
	if request.DryRun {
		return report, nil
	}
	errs := []error{errors.Join(r.tally.left...)}
	switch {
	case stopped != nil:
		errs = append(errs, p.Bookmark.SetMark(ctx, *stopped))
	case mark != ledger.Mark{}:
		errs = append(errs, p.Bookmark.SetMark(ctx, ledger.Mark{}))
	}
	return report, errors.Join(append(errs, p.tell(ctx, &r.tally, report))...)
}

// run is one prune under way.
type run struct {
	*Pruner
	*locker
	tally   tally
	deletes bool
	blind   string    // why nothing may be deleted; empty: it may
	cutoff  time.Time // a state that was written before it is stale
}

// walk lists every bucket by the prefixes of the paths, from the mark on, and hands out
// what it finds. It gives where it stopped, or nil at the end.
func (r *run) walk(ctx context.Context, mark ledger.Mark) *ledger.Mark {
	stopAt := r.stopAt(ctx)
	var group errgroup.Group
	group.SetLimit(workers)
	defer group.Wait() //nolint:errcheck // the tally has what failed
	prefixes := r.Rules.Paths.Prefixes()
	skipping := r.known(mark, prefixes)
	for _, b := range r.Stores.Buckets {
		versioned, err := b.Versioned(ctx)
		if err != nil {
			r.tally.fail(err)
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
				if err != nil {
					r.tally.fail(err)
					break
				}
				if r.Now().After(stopAt) || ctx.Err() != nil {
					return &here
				}
				here.Key = o.Key
				if task := r.task(ctx, b, o, versioned); task != nil {
					group.Go(func() error { task(); return nil })
				}
			}
		}
	}
	return nil
}

// stopAt leaves time to finish what is under way, to tell and to record.
func (r *run) stopAt(ctx context.Context) time.Time {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return r.Now().AddDate(1, 0, 0)
	}
	left := time.Until(deadline)
	return r.Now().Add(left - min(time.Minute, left/4))
}

// known says whether the mark still names something that is listed.
func (r *run) known(mark ledger.Mark, prefixes []string) bool {
	for _, b := range r.Stores.Buckets {
		for _, prefix := range prefixes {
			if mark.Bucket == b.ARN() && mark.Prefix == prefix {
				return true
			}
		}
	}
	return false
}
