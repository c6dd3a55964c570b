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
	Begin(ctx context.Context, owner string, scanStarted, now time.Time, held func(ledger.Key) (ledger.Key, bool)) (*ledger.Turn, error)
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
	Composer    alert.Composer
	Topic       publisher
	Meter       meter
	RemindEvery time.Duration
	Now         func() time.Time
	Log         *slog.Logger
}

// keep is how long the ledger remembers a lock that it has not seen since: long
// enough to outlive any outage of the monitor.
const keep = 30 * 24 * time.Hour

// Run makes one scan. Whatever fails, the rest is still done: stores that can be read
// are judged and told, and metrics are sent. The error then names everything that
// failed, and the report says what was found all the same.
func (m *Monitor) Run(ctx context.Context) (Report, error) {
	reading := m.Scanner.Read(ctx)
	turn, recalled, err := m.recall(ctx, reading)
	errs := []error{err}
	sight := m.Scanner.Judge(reading, recalled)
	worst := sight.First(maxListed)
	m.Scanner.Look(ctx, reading, worst)
	found := ledger.Scan{Started: reading.Started, Ended: reading.Ended, Watched: reading.Watched, Failures: reading.Failures}
	found.Locks = func(yield func(ledger.Observed) bool) {
		for j := range concat(slices.Values(worst), sight.From(len(worst))) {
			if !yield(ledger.Observed{Lock: j.Lock, Verdict: j.Verdict, Finding: func() policy.Finding { return m.Scanner.Finding(reading, j) }}) {
				return
			}
		}
	}

	var resolved []time.Duration
	if turn != nil {
		resolved, err = m.tell(ctx, turn, found)
		errs = append(errs, err)
	}
	report := newReport(reading, sight, found.Locks)
	errs = append(errs, m.Meter.Put(ctx, report.measures(resolved), found.Ended))
	for _, failure := range report.Errors {
		errs = append(errs, errors.New(failure))
	}
	return report, errors.Join(errs...)
}

// recall takes the turn to tell. Without it, since another invocation has it, the
// memory still helps to judge; without a memory locks are judged by what they say.
func (m *Monitor) recall(ctx context.Context, reading scan.Reading) (*ledger.Turn, ledger.Memory, error) {
	turn, err := m.Ledger.Begin(ctx, rand.Text(), reading.Started, m.Now(), reading.Held)
	if err == nil {
		return turn, turn.Memory, nil
	}
	if !errors.Is(err, ledger.ErrNotOurTurn) {
		return nil, ledger.Memory{}, fmt.Errorf("nothing was told, since what was told before is not known: %w", err)
	}
	m.Log.InfoContext(ctx, "another invocation tells what it found", "reason", err.Error())
	recalled, err := m.Ledger.Recall(ctx)
	return nil, recalled, err
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
