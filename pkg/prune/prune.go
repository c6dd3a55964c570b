package prune

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

type records interface {
	Record(ctx context.Context, p ledger.Pruned) error
	Withdraw(ctx context.Context, p ledger.Pruned) error
	Forget(ctx context.Context, path tflock.Path) error
	ForgetSettled(ctx context.Context, path tflock.Path, now time.Time) error
	Unreported(ctx context.Context) ([]ledger.Pruned, error)
	MarkReported(ctx context.Context, reported []ledger.Pruned) error
	RecordRun(ctx context.Context, run ledger.PruneRun) error
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
	ReportOnly bool          // PruneMode=report: delete nothing, and there is no permission to write
	// WithoutDigest is PruneWithoutDigest: prune a state although no watched table has a
	// digest of it. OwnBucket, the ARN of the stack's own bucket or empty, needs no digests:
	// its clients use the stack's own table or lockfiles.
	WithoutDigest bool
	OwnBucket     string
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
	// MaxRecorded bounds what one run records of the states that it deletes, in bytes; 0: what the function has time for.
	MaxRecorded int
	Now         func() time.Time
	Log         *slog.Logger
}

// Run goes over the stale states. requestID names the invocation, and the context's
// deadline is when it dies: both go into its locks and its records, so that a later run
// knows what a dead one left. What could not be done is among the report's errors; an
// error means that a repeat is needed, since a lock of ours may be left or people were
// not notified.
//
// Two runs at once do no harm, even as Lambda may deliver one event twice: each takes
// the locks of the other for leftovers if their request is the same, but looks for its own
// before it deletes, and deletes nothing that is not, byte for byte, what it judged.
func (p *Pruner) Run(ctx context.Context, request Request, requestID string) (Report, error) {
	p = p.discovered(ctx)
	work, stopAt, cancel := budget(ctx, p.Now)
	defer cancel()
	r := p.newRun(ctx, work, requestID)
	if request.DryRun {
		r.pass = newPass(ledger.Pass{}, requestID, p.Now())
		_, whole := r.walk(work, stopAt, nil, ledger.Place{})
		return r.tally.report(true, !whole), nil
	}
	settled := r.settler().all(work)
	mark, err := p.Bookmark.Mark(work)
	if err != nil {
		r.tally.fail("", err) // from the beginning, then
	}
	var remove *remover
	if !p.Rules.ReportOnly {
		remove = &remover{
			inspect: r.inspect, locks: r.locks, gate: newGate(mark.Left, settled.left), records: p.Records, tally: r.tally,
			stopAt: stopAt, now: p.Now,
		}
	}
	r.pass = newPass(mark.Pass, requestID, p.Now())
	pass, whole := r.walk(work, stopAt, remove, mark.Pass.Place)
	next := ledger.Mark{Pass: pass, Left: mark.Left}
	if remove != nil { // else no lock was taken
		next.Left = remove.gate.left()
	}
	report := r.tally.report(remove == nil, !whole)
	errs := slices.Clone(r.tally.left)
	published, err := p.notify(ctx, r.tally, report, settled, mark.Pass.Name != "")
	if !published { // the next run examines those states again, since nobody has heard of them
		next.Pass = mark.Pass
	}
	if !next.IsZero() || !mark.IsZero() {
		errs = append(errs, p.Bookmark.SetMark(ctx, next))
	}
	return report, errors.Join(append(errs, err)...)
}

// run is what the parts of one prune share.
type run struct {
	pruner  *Pruner
	locks   *statelock.Locker
	inspect *inspector
	tally   *tally
	pass    *pass
}

// newRun reads what has to be known of the tables before any state is looked at.
func (p *Pruner) newRun(ctx, work context.Context, requestID string) *run {
	started := p.Now()
	t := &tally{most: cmp.Or(p.MaxRecorded, maxRecorded)}
	unsure := ""
	for _, table := range p.Stores.Tables {
		// A path that no client can have: a bucket's name begins with no capital.
		if _, _, err := table.Find(work, "Lockwarden/readable"); err != nil {
			unsure = unknownLocks(err)
			t.fail("", err)
		}
	}
	names, err := statelock.Aliases(work, p.Stores.Tables)
	if err != nil && unsure == "" {
		unsure = unknownLocks(err)
		t.fail("", err)
	}
	locks := statelock.New(ctx, p.Stores, names, requestID, started, p.Now)
	return &run{
		pruner: p, locks: locks, tally: t,
		inspect: &inspector{
			tables: p.Stores.Tables, locks: locks, rules: p.Rules, cutoff: started.Add(-p.Rules.After), unsure: unsure, tally: t,
			conditions: &conditions{tables: p.Stores.Tables, tally: t},
		},
	}
}

func unknownLocks(err error) string { return "whether it is locked is not known: " + err.Error() }

func (r *run) settler() *settler {
	return &settler{stores: r.pruner.Stores, locks: r.locks, records: r.pruner.Records, tally: r.tally, log: r.pruner.Log, mayWrite: !r.pruner.Rules.ReportOnly}
}

// reserve is the time that is kept at the end: half of it to finish what is under way,
// half to release, to notify and to record.
const reserve = 90 * time.Second

// budget says when to begin nothing more, and ends the work in time before the deadline.
func budget(ctx context.Context, now func() time.Time) (context.Context, time.Time, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		work, cancel := context.WithCancel(ctx)
		return work, now().AddDate(1, 0, 0), cancel
	}
	left := time.Until(deadline)
	kept := min(reserve, left/3)
	work, cancel := context.WithDeadline(ctx, deadline.Add(-kept/2))
	return work, now().Add(left - kept), cancel
}
