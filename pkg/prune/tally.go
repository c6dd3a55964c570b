package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

const (
	maxListed = 1000 // states in each list of the answer, which has 6 MB
	maxErrors = 100
)

// tally adds up what workers did.
type tally struct {
	mu                         sync.Mutex
	pruned, abandoned, kept    []policy.Stale // each cut at maxListed
	examined                   int
	prunedN, abandonedN, keptN int
	errors                     []string // cut at maxErrors
	errorsN                    int
	left                       []error         // our own locks that are left
	records                    []ledger.Pruned // to be told
}

func (t *tally) add(s policy.Stale, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.examined++
	if err != nil {
		t.problem(err)
	}
	switch {
	case s.Fate != policy.Kept:
		t.prunedN++
		t.pruned = cut(t.pruned, s)
	case s.Reason == "": // nothing is known of it but the error
	case s.Abandoned():
		t.abandonedN++
		t.abandoned = cut(t.abandoned, s)
	default:
		t.keptN++
		t.kept = cut(t.kept, s)
	}
}

func cut(list []policy.Stale, s policy.Stale) []policy.Stale {
	if len(list) == maxListed {
		return list
	}
	return append(list, s)
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problem(err)
}

func (t *tally) problem(err error) {
	if left, ok := errors.AsType[*leftError](err); ok {
		t.left = append(t.left, left)
	}
	if t.errorsN++; len(t.errors) < maxErrors {
		t.errors = append(t.errors, err.Error())
	}
}

func (t *tally) record(p ledger.Pruned) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = append(t.records, p)
}

// report makes the answer, once all workers are done.
func (t *tally) report(dryRun bool) Report {
	byPath := func(a, b policy.Stale) int { return cmp.Compare(a.Path, b.Path) }
	for _, list := range [][]policy.Stale{t.pruned, t.abandoned, t.kept} {
		slices.SortFunc(list, byPath)
	}
	r := Report{
		DryRun: dryRun, Examined: t.examined, Abandoned: t.abandonedN,
		Pruned: append([]policy.Stale{}, t.pruned...), Kept: append([]policy.Stale{}, t.abandoned...), Errors: append([]string{}, t.errors...),
	}
	r.Kept = append(r.Kept, t.kept[:min(len(t.kept), maxListed-len(r.Kept))]...)
	r.Omitted = t.prunedN + t.abandonedN + t.keptN - len(r.Pruned) - len(r.Kept)
	if more := t.errorsN - len(t.errors); more > 0 {
		r.Errors = append(r.Errors, fmt.Sprintf("and %d more: see the log", more))
	}
	return r
}

// tell publishes the report of a run that was no dry run, with what an earlier run
// pruned and died before it could say so, and measures it.
func (p *Pruner) tell(ctx context.Context, t *tally, report Report) error {
	now := p.Now()
	told := t.records
	untold, err := p.untold(ctx, t.records)
	errs := []error{err}
	e := alert.PruneReport{
		States: slices.Concat(report.Kept, report.Pruned),
		Pruned: t.prunedN, Kept: t.keptN + t.abandonedN, Abandoned: t.abandonedN, DryRun: report.DryRun, Errors: report.Errors,
	}
	for _, record := range untold {
		told, e.Pruned, e.States = append(told, record), e.Pruned+1, append(e.States, record.State)
	}
	if e.Pruned+e.Abandoned+len(e.Errors) > 0 {
		if err := p.Topic.Publish(ctx, p.Composer.Prune(e, now)); err != nil {
			return errors.Join(append(errs, err)...) // not told: the next run tells it
		}
	}
	pruned := e.Pruned
	if report.DryRun {
		pruned = len(untold)
	}
	return errors.Join(append(errs, p.Meter.CountPruned(ctx, pruned, t.abandonedN, now), p.Records.ToldPruned(ctx, told))...)
}

// untold are the prunes on record that no report had, less those of this run. A record
// of a state that is there was made before a delete that never came.
func (p *Pruner) untold(ctx context.Context, ours []ledger.Pruned) ([]ledger.Pruned, error) {
	records, err := p.Records.UntoldPruned(ctx)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, r := range ours {
		mine[r.State.Path] = true
	}
	var untold []ledger.Pruned
	var errs []error
	for _, r := range records {
		b := p.Stores.BucketOf(r.State.Path)
		if mine[r.State.Path] || b == nil {
			continue
		}
		written, err := b.StateWritten(ctx, r.State.Path)
		switch {
		case err != nil:
			errs = append(errs, err)
		case written.IsZero():
			untold = append(untold, r)
		default:
			errs = append(errs, p.Records.ForgetPruned(ctx, r.State.Path))
		}
	}
	return untold, errors.Join(errs...)
}
