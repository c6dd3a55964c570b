package prune

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxListed is how many states are in each list of the answer, and maxListedBytes what each of the three may take: all
// of it has 6 MB.
const (
	maxListed      = 1000
	maxListedBytes = 1500 << 10
	// maxRecorded bounds the records of one run in the ledger, in bytes. It writes each of them again once its report is out, for which it
	// has less than a minute, and DynamoDB takes a megabyte of them in a second: what is not marked by then the next run settles and reports
	// once more, before it prunes anything.
	maxRecorded = 30 << 20
)

// tally adds up what workers did.
type tally struct {
	mu                      sync.Mutex
	examined                int
	pruned, abandoned, kept count
	problems                problems
	left                    []error // our own locks that are left
	records                 []ledger.Pruned
	recorded, most          int // bytes that those take in the ledger, and may take
}

// count is how many states had a fate, and which of them are listed: some of each folder.
type count struct {
	n      int
	chosen *alert.Selection[policy.Stale]
}

func (c *count) add(s policy.Stale) {
	if c.n++; c.chosen == nil {
		c.chosen = alert.NewSelection[policy.Stale](maxListed)
	}
	c.chosen.Add(string(s.Path), s)
}

// list returns at most so many of them, by their paths.
func (c *count) list(most int) []policy.Stale {
	if c.chosen == nil {
		return []policy.Stale{}
	}
	items := payload.Fit(c.chosen.Items(), most, maxListedBytes)
	slices.SortFunc(items, func(a, b policy.Stale) int { return cmp.Compare(a.Path, b.Path) })
	return items
}

func (t *tally) add(s policy.Stale, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.examined++
	if err != nil {
		t.problem(s.Path, err)
	}
	switch {
	case s.Fate != policy.Kept:
		t.pruned.add(s)
	case s.Reason == "": // nothing is known of it but the error
	case s.Abandoned():
		t.abandoned.add(s)
	default:
		t.kept.add(s)
	}
}

// fail notes an error, of a state where there is a path.
func (t *tally) fail(path tflock.Path, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem(path, err)
}

func (t *tally) problem(path tflock.Path, err error) {
	if left, ok := errors.AsType[*statelock.LeftError](err); ok {
		t.left = append(t.left, left)
	}
	t.problems.add(path, err)
}

func (t *tally) deleted(p ledger.Pruned) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = append(t.records, p)
	t.recorded += p.Size()
}

// full reports whether a run has deleted as much as it has time to mark as reported.
func (t *tally) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.recorded >= t.most
}

// report makes the answer, once all workers are done.
func (t *tally) report(dryRun, stopped bool) Report {
	r := Report{
		DryRun: dryRun, Examined: t.examined, Abandoned: t.abandoned.n, StoppedEarly: stopped,
		Pruned: t.pruned.list(maxListed), Kept: t.abandoned.list(maxListed), Errors: t.problems.texts(),
	}
	r.Kept = append(r.Kept, t.kept.list(maxListed-len(r.Kept))...)
	r.Omitted = t.pruned.n + t.abandoned.n + t.kept.n - len(r.Pruned) - len(r.Kept)
	return r
}

// notify publishes the report of a run that was not a dry run, with what dead runs pruned
// and reported to nobody, and measures it. What could not be reported stays on record as
// such. continued says whether the run went on where another one had stopped.
func (p *Pruner) notify(ctx context.Context, t *tally, report Report, dead settled, continued bool) (published bool, err error) {
	now := p.Now()
	e := alert.PruneReport{
		States: slices.Concat(report.Kept, report.Pruned), Kept: t.kept.n + t.abandoned.n, Abandoned: t.abandoned.n,
		Pruned: t.pruned.n, Errors: report.Errors,
	}
	if report.DryRun {
		e.Pruned, e.WouldPrune = 0, t.pruned.n
	}
	for _, record := range dead.pruned {
		e.Pruned++
		e.States = append(e.States, record.State)
	}
	errs := []error{p.Meter.CountPruned(ctx, e.Pruned, e.Abandoned, now)}
	if e.Pruned+e.WouldPrune+e.Abandoned+len(e.Errors) > 0 {
		if err := p.Topic.Publish(ctx, p.Composer.Prune(e, now)); err != nil {
			return false, errors.Join(append(errs, err)...)
		}
	}
	errs = append(errs, p.Records.MarkReported(ctx, append(t.records, dead.pruned...)))
	for _, record := range dead.rewritten { // there is nothing to restore
		errs = append(errs, p.Records.Forget(ctx, record.State.Path))
	}
	errs = append(errs, p.Records.RecordRun(ctx, ledger.PruneRun{
		At: now, Pruned: e.Pruned, Abandoned: e.Abandoned, StoppedEarly: report.StoppedEarly, Continued: continued,
	}))
	return true, errors.Join(errs...)
}
