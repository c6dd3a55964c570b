package monitor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Releaser asks the unlock function for one release, once, and gives its outcome.
type Releaser interface {
	Release(ctx context.Context, path, id, reason string) (outcome string, err error)
}

// parts are the planned releases, by the messages that people get: one for each lock, or one for all when they are
// many; and one for those under prefixes that have had their messages.
func (p *planner) parts() [][]planned {
	var alone, shared []planned
	for _, one := range p.planned {
		if one.shared {
			shared = append(shared, one)
		} else {
			alone = append(alone, one)
		}
	}
	parts := slices.Collect(slices.Chunk(alone, 1))
	if len(alone) > alert.SummaryAbove {
		parts = [][]planned{alone}
	}
	if len(shared) > 0 {
		parts = append(parts, shared)
	}
	return parts
}

// publish notifies of what was planned, then records it.
func (p *planner) publish(ctx context.Context) {
	for _, part := range p.parts() {
		locks, message := make([]alert.PlannedRelease, len(part)), ledger.Message{}
		for i, one := range part {
			locks[i] = one.PlannedRelease
			message.Add(ledger.ReleasePlanned, one.store, one.key.Path, p.notifier.memory.Stores)
		}
		event := p.monitor.Composer.Planned(locks, p.found.Ended)
		if part[0].shared && len(part) > 1 {
			event = event.Bounded(ledger.MostMessages)
		}
		if err := p.notifier.publish(ctx, event); err != nil {
			continue
		}
		p.notifier.out.Add(message)
		for _, one := range part {
			err := p.monitor.AutoReleases.RecordPlan(ctx, one.key, p.known.memory.Locks[one.key].Plan, ledger.Plan{Basis: one.basis, Mode: one.Mode, Published: p.found.Ended.UTC(), NotBefore: one.NotBefore})
			p.stands[one.key] = err == nil || errors.Is(err, ledger.ErrOvertaken)
			if errors.Is(err, ledger.ErrOvertaken) {
				p.monitor.Log.InfoContext(ctx, "another scan has planned or claimed the release of a lock meanwhile", "path", one.key.Path, "lock_id", one.key.ID)
				continue
			}
			p.errs = append(p.errs, err)
		}
	}
}

// claim takes the right to invoke the unlock function for the locks that are due, as many
// as the brake lets. Those whose runs ended first come first, but folders take turns: whoever writes one prefix
// could otherwise use up what the brake lets.
func (p *planner) claim(ctx context.Context) {
	slices.SortStableFunc(p.due, func(a, b *evidence.Question) int { return a.Case.Run.Ended.Compare(*b.Case.Run.Ended) })
	for _, q := range tflock.InTurns(p.due, func(q *evidence.Question) tflock.Path { return q.Case.Path }) {
		key := ledger.KeyOf(q.Case.Lock)
		if why := p.claimOne(ctx, key); why != "" {
			check := p.checks[key]
			check.HeldBack = []string{why}
			p.checks[key] = check
			continue
		}
		p.claimed = append(p.claimed, q)
	}
}

// claimOne says why a lock was not claimed; empty: it was.
func (p *planner) claimOne(ctx context.Context, key ledger.Key) string {
	next, said := p.known.memory.Brake.Next(p.monitor.Now())
	if said == policy.Pause {
		if err := p.monitor.Topic.Publish(ctx, p.monitor.Composer.AutoPaused(len(p.due)-len(p.claimed), p.found.Ended)); err != nil {
			p.errs = append(p.errs, err)
			return pausedNow
		}
	}
	if said != policy.Waiting {
		memory, err := p.monitor.AutoReleases.Brake(ctx, p.known.memory, next)
		if err != nil {
			return "its release could not be claimed: " + err.Error()
		}
		p.known.memory = memory
	}
	if said != policy.Go {
		return pausedNow
	}
	plan := *p.known.memory.Locks[key].Plan
	plan.NotBefore = plan.Earliest(p.monitor.ScanEvery)
	if err := p.monitor.AutoReleases.Claim(ctx, key, plan, p.monitor.Now()); err != nil {
		return "its release could not be claimed: " + err.Error()
	}
	return ""
}

const pausedNow = "automatic release is paused, since the unlock function was invoked three times within an hour: it goes on when an hour has passed without that"

// release invokes the unlock function for the locks that were claimed, side by side. An
// answer that is lost waits for the next scan; a refusal voids the plan.
func (m *Monitor) release(ctx context.Context, claimed []*evidence.Question) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	errs := make([]error, len(claimed))
	var group sync.WaitGroup
	for i, q := range claimed {
		group.Go(func() {
			key := ledger.KeyOf(q.Case.Lock)
			reason := q.Case.Run.Words(q.Case.At)
			outcome, err := m.Releaser.Release(ctx, string(key.Path), key.ID, reason)
			m.Log.InfoContext(ctx, "asked for an automatic release", "path", key.Path, "lock_id", key.ID, "reason", reason, "outcome", outcome, "error", err)
			if outcome == refusedOutcome {
				err = errors.Join(err, m.AutoReleases.Void(ctx, key))
			}
			errs[i] = err
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// answerTime is kept of an invocation's time to answer: an unlock function that takes long is
// not waited for until Lambda ends the monitor too.
const answerTime = 3 * time.Second

// refusedOutcome is the unlock function's answer that it keeps the lock.
const refusedOutcome = "refused"
