package monitor

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// eventOf is the event that a change is told as. Changes that are not in it are only
// recorded.
var eventOf = map[ledger.Change]alert.Type{
	ledger.Stuck: alert.LockStuck, ledger.Reminder: alert.LockReminder,
	ledger.Unreadable: alert.LockUnreadable, ledger.Resolved: alert.LockResolved,
	ledger.Failed: alert.ScanFailed, ledger.Recovered: alert.ScanRecovered,
}

// tell publishes what is new and records each event when it is out. It gives how long
// the resolved locks were held. When something could not be recorded the turn is not
// ended, so that the next scan begins from the older memory.
func (m *Monitor) tell(ctx context.Context, turn *ledger.Turn, scan ledger.Scan) ([]time.Duration, error) {
	ctx, cancel := context.WithDeadline(ctx, turn.Until)
	defer cancel()
	rules := ledger.Rules{RemindEvery: m.RemindEvery, Keep: keep}
	steps := ledger.Compare(turn.Memory, scan, rules)
	changes := gather(steps)

	var resolved []time.Duration
	var unsaid, unrecorded []error
	tell := func(n news, event alert.Event, steps iter.Seq[ledger.Step]) {
		err := m.Topic.Publish(ctx, event)
		if err != nil {
			unsaid = append(unsaid, err)
			steps = untold(steps)
		} else if n.change == ledger.Resolved {
			for _, step := range n.first {
				resolved = append(resolved, scan.Ended.Sub(step.Entry.Finding.HeldSince))
			}
		}
		unrecorded = append(unrecorded, turn.Record(ctx, steps))
	}
	for _, change := range []ledger.Change{ledger.Stuck, ledger.Reminder, ledger.Unreadable, ledger.Resolved} {
		n := changes[change]
		if n.count > alert.SummaryAbove {
			tell(n, m.summary(n, scan.Ended), only(steps, change))
			continue
		}
		for one := range n.each() {
			tell(one, m.event(ctx, turn, one.first[0], scan.Ended), slices.Values(one.first))
		}
	}
	if changes[ledger.Note].count+changes[ledger.Forget].count > 0 {
		unrecorded = append(unrecorded, turn.Record(ctx, only(steps, ledger.Note, ledger.Forget)))
	}

	next, err := m.tellStores(ctx, turn, scan, rules)
	unsaid = append(unsaid, err)
	if err := errors.Join(unrecorded...); err != nil {
		return resolved, errors.Join(append(unsaid, err)...)
	}
	return resolved, errors.Join(append(unsaid, turn.End(ctx, next))...)
}

// tellStores publishes which stores fail and which can be read again, and gives the
// memory of all stores. A store whose news did not get out keeps its older memory.
func (m *Monitor) tellStores(ctx context.Context, turn *ledger.Turn, scan ledger.Scan, rules ledger.Rules) (map[string]ledger.Store, error) {
	steps, next := ledger.CompareStores(turn.Memory, scan, rules)
	var unsaid []error
	for _, change := range []ledger.Change{ledger.Failed, ledger.Recovered} {
		var same []ledger.StoreStep
		for _, s := range steps {
			if s.Change == change {
				same = append(same, s)
			}
		}
		for news := range parts(same) {
			severity, backends := alert.Warning, make([]alert.Backend, len(news))
			for i, s := range news {
				backends[i] = alert.Backend{ARN: s.ARN, Problem: s.Problem, Since: s.Store.Failing}
				if s.Store.Told > 2 {
					severity = alert.Critical
				}
			}
			if change == ledger.Recovered {
				severity = alert.Info
			}
			if err := m.Topic.Publish(ctx, m.Composer.Scan(eventOf[change], severity, backends, scan.Ended)); err != nil {
				unsaid = append(unsaid, err)
				for _, s := range news {
					next[s.ARN] = turn.Memory.Stores[s.ARN]
				}
			}
		}
	}
	return next, errors.Join(unsaid...)
}

// event says news of one lock.
func (m *Monitor) event(ctx context.Context, turn *ledger.Turn, step ledger.Step, now time.Time) alert.Event {
	e := m.Composer.Lock(eventOf[step.Change], *step.Entry.Finding, step.Entry.Told, now)
	if step.Change != ledger.Resolved {
		return e
	}
	release, ours, err := turn.Released(ctx, step.Key)
	if err != nil {
		m.Log.WarnContext(ctx, "who released a lock is not known", "path", e.Lock.Path, "error", err)
	}
	if ours {
		e = e.By(release.RequestedBy, release.Reason)
	}
	return e
}

// summary says news of many locks in one event.
func (m *Monitor) summary(n news, now time.Time) alert.Event {
	severity, findings := alert.Warning, make([]policy.Finding, len(n.first))
	for i, step := range n.first {
		findings[i] = *step.Entry.Finding
	}
	switch {
	case n.change == ledger.Resolved:
		severity = alert.Info
	case n.change == ledger.Reminder && n.often:
		severity = alert.Critical
	}
	return m.Composer.Summary(eventOf[n.change], findings, severity, now).AndMore(n.count - len(n.first))
}

// parts gives the stores' news one by one, or all at once when they are too many.
func parts(news []ledger.StoreStep) iter.Seq[[]ledger.StoreStep] {
	size := 1
	if len(news) > alert.SummaryAbove {
		size = len(news)
	}
	return slices.Chunk(news, size)
}
