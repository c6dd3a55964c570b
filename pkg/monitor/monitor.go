package monitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

type memory interface {
	Begin(ctx context.Context, owner string, scanStarted, now time.Time, held func(ledger.Key) (ledger.Key, bool)) (*ledger.Lease, error)
	Recall(ctx context.Context) (ledger.Memory, error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

type meter interface {
	Put(ctx context.Context, s metric.Scan, at time.Time) error
}

// Monitor is one scan's dependencies.
type Monitor struct {
	Scanner     *scan.Scanner
	Ledger      memory
	Released    released
	Composer    alert.Composer
	Topic       publisher
	Meter       meter
	RemindEvery time.Duration
	ScanEvery   time.Duration // from one scan to the next
	Releases    releases      // nil: nobody finishes releases here
	Now         func() time.Time
	Log         *slog.Logger
}

// keep is how long the ledger remembers a lock that it has not seen since: long
// enough to outlive any outage of the monitor.
const keep = 30 * 24 * time.Hour

// Run makes one scan. Whatever fails, the rest is still done: stores that can be read
// are judged and people notified, and metrics are sent. The error then names everything
// that failed, and the report says what was found all the same.
func (m *Monitor) Run(ctx context.Context) (Report, error) {
	reading := m.Scanner.Read(ctx)
	budget := budgetOf(ctx)
	lease, memory, err := m.recall(ctx, budget, reading)
	known, errs := err == nil, []error{err}
	sight := m.Scanner.Judge(reading, memory)
	worst := sight.First(maxListed)
	m.look(ctx, budget, reading, worst)
	found := ledger.Scan{Started: reading.Started, Ended: reading.Ended, Watched: reading.Watched, Patterns: reading.Patterns, Failures: failures(reading)}
	found.Locks = concat(slices.Values(worst), sight.From(len(worst)))

	var resolved []time.Duration
	if lease != nil {
		errs = append(errs, m.finish(ctx, reading))
		resolved, err = m.notify(ctx, budget, lease, found)
		errs = append(errs, err)
	}
	report := newReport(reading, sight, found.Locks)
	figures := report.measures(memory.Carried(found, reading.Has), resolved)
	figures.Partial = !known && !reading.Complete()
	errs = append(errs, m.Meter.Put(ctx, figures, found.Ended))
	for _, failure := range report.Errors {
		errs = append(errs, errors.New(failure))
	}
	return report, errors.Join(errs...)
}

func failures(reading scan.Reading) map[string]ledger.Failure {
	all := make(map[string]ledger.Failure, len(reading.Failures))
	for arn, problem := range reading.Failures {
		all[arn] = ledger.Failure{Problem: problem, Passing: reading.Passing(arn)}
	}
	return all
}

// recall takes the lease. Without it, since another invocation has it, the memory still
// helps to judge; without a memory locks are judged by what they say.
func (m *Monitor) recall(ctx context.Context, b budget, reading scan.Reading) (*ledger.Lease, ledger.Memory, error) {
	ctx, cancel := context.WithTimeout(ctx, b.recall)
	defer cancel()
	lease, err := m.Ledger.Begin(ctx, rand.Text(), reading.Started, m.Now(), reading.Held)
	if err == nil {
		return lease, lease.Memory, nil
	}
	if !errors.Is(err, ledger.ErrLeased) {
		return nil, ledger.Memory{}, fmt.Errorf("nobody was notified, since earlier notifications are not known: %w", err)
	}
	m.Log.InfoContext(ctx, "another invocation notifies of what it found", "reason", err.Error())
	memory, err := m.Ledger.Recall(ctx)
	return nil, memory, err
}

func (m *Monitor) look(ctx context.Context, b budget, reading scan.Reading, locks []policy.Case) {
	ctx, cancel := context.WithTimeout(ctx, b.look)
	defer cancel()
	m.Scanner.Look(ctx, reading, locks)
}

// notify publishes what is new and records it. It gives how long the resolved locks were
// held.
func (m *Monitor) notify(ctx context.Context, b budget, lease *ledger.Lease, found ledger.Scan) ([]time.Duration, error) {
	ctx, cancel := b.notifying(ctx, lease.Until)
	defer cancel()
	n := notifier{
		lease: lease, released: m.Released, composer: m.Composer, topic: m.Topic, log: m.Log, memory: lease.Memory, scan: found,
		rules: ledger.Rules{RemindEvery: m.RemindEvery, ScanEvery: m.ScanEvery, Keep: keep},
	}
	deadline, _ := ctx.Deadline()
	n.until = time.Now().Add(time.Until(deadline) / 2)
	err := n.run(ctx)
	return n.resolved, err
}

// concat gives one sequence after the other.
func concat[V any](parts ...iter.Seq[V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, part := range parts {
			for v := range part {
				if !yield(v) {
					return
				}
			}
		}
	}
}
