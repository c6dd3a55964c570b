package prune

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type records interface {
	RecordPruned(ctx context.Context, p ledger.Pruned) error
	WithdrawPruned(ctx context.Context, p ledger.Pruned) error
	ForgetPruned(ctx context.Context, path string) error
	ForgetSettled(ctx context.Context, path string, now time.Time) error
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

// Run goes over the stale states. requestID names the invocation, and the context's
// deadline is when it dies: both go into its locks and its records, so that a later run
// knows what a dead one left. What could not be done is among the report's errors; an
// error means that a repeat is needed, since a lock of ours may be left or people were
// not told.
//
// Two runs at once do no harm, even as Lambda may deliver one event twice: each takes
// the locks of the other for leftovers if their request is the same, but looks for its own
// before it deletes, and deletes nothing that is not, byte for byte, what it judged.
func (p *Pruner) Run(ctx context.Context, request Request, requestID string) (Report, error) {
	started := p.Now()
	r := &run{
		Pruner: p, locker: newLocker(ctx, p.Stores, requestID, started, p.Now),
		deletes: !p.Rules.ReportOnly && !request.DryRun, cutoff: started.Add(-p.Rules.After),
	}
	work, cancel := r.budget(ctx)
	defer cancel()
	for _, t := range p.Stores.Tables {
		// A path that no client can have: a bucket's name begins with no capital.
		if _, _, err := t.Find(work, "Lockwarden/readable"); err != nil {
			r.blind = "whether it is locked is not known: " + err.Error()
			r.tally.fail(err)
		}
	}
	if request.DryRun {
		stopped := r.walk(work, ledger.Mark{})
		return r.tally.report(true, stopped != nil), nil
	}
	dead := r.settleAll(work)
	mark, err := p.Bookmark.Mark(work)
	if err != nil {
		r.tally.fail(err) // from the beginning, then
	}
	stopped := r.walk(work, mark)
	report := r.tally.report(!r.deletes, stopped != nil)
	errs := slices.Clone(r.tally.left)
	switch {
	case stopped != nil:
		errs = append(errs, p.Bookmark.SetMark(ctx, *stopped))
	case mark != ledger.Mark{}:
		errs = append(errs, p.Bookmark.SetMark(ctx, ledger.Mark{}))
	}
	return report, errors.Join(append(errs, r.tell(ctx, report, dead))...)
}

// run is one prune under way.
type run struct {
	*Pruner
	*locker
	tally   tally
	deletes bool
	blind   string    // why nothing may be deleted; empty: it may
	cutoff  time.Time // a state that was written before it is stale
	stopAt  time.Time // begin nothing then
}

// reserve is the time that is kept at the end: half of it to finish what is under way,
// half to release, to tell and to record.
const reserve = 90 * time.Second

// budget says when to begin nothing more, and ends the work in time before the deadline.
func (r *run) budget(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		r.stopAt = r.Now().AddDate(1, 0, 0)
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	kept := min(reserve, left/3)
	r.stopAt = r.Now().Add(left - kept)
	return context.WithDeadline(ctx, deadline.Add(-kept/2))
}
