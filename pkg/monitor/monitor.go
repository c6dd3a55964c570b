package monitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

type memory interface {
	Begin(ctx context.Context, owner string, scanStarted, now time.Time) (*ledger.Turn, error)
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
	turn, recalled, err := m.recall(ctx, reading.Started)
	errs := []error{err}
	locks := m.Scanner.Judge(reading, recalled)
	m.Scanner.Look(ctx, reading, locks[:min(len(locks), maxListed)])
	found := ledger.Scan{Started: reading.Started, Ended: reading.Ended, Watched: reading.Watched, Failures: reading.Failures}
	found.Locks = make([]ledger.Observed, len(locks))
	for i, j := range locks {
		found.Locks[i] = ledger.Observed{Lock: j.Lock, Finding: m.Scanner.Finding(reading, j)}
	}

	var resolved []time.Duration
	if turn != nil {
		resolved, err = m.tell(ctx, turn, found)
		errs = append(errs, err)
	}
	report := newReport(reading, scan.Count(locks), found.Locks)
	errs = append(errs, m.Meter.Put(ctx, report.measures(resolved), found.Ended))
	for _, failure := range report.Errors {
		errs = append(errs, errors.New(failure))
	}
	return report, errors.Join(errs...)
}

// recall takes the turn to tell. Without it, since another invocation has it, the
// memory still helps to judge; without a memory locks are judged by what they say.
func (m *Monitor) recall(ctx context.Context, scanStarted time.Time) (*ledger.Turn, ledger.Memory, error) {
	turn, err := m.Ledger.Begin(ctx, rand.Text(), scanStarted, m.Now())
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
