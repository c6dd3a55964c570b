package monitor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// store is a place that is scanned for locks.
type store interface {
	ARN() string
	Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error]
}

// states tells when a state was last written.
type states interface {
	ARN() string
	StateWritten(ctx context.Context, path string) (time.Time, error)
}

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

// Rules are the settings that a scan decides by.
type Rules struct {
	Thresholds   policy.Thresholds
	ReleaseGuard time.Duration // a state written within it is a sign of life
	RemindEvery  time.Duration
}

// Monitor is one scan's dependencies.
type Monitor struct {
	stores []store
	states map[string]states // watched state buckets by name

	Ledger   memory
	Composer alert.Composer
	Topic    publisher
	Meter    meter
	Rules    Rules
	Now      func() time.Time
	Log      *slog.Logger
}

// Watch names the stores to scan.
func (m *Monitor) Watch(set backend.Set) {
	m.stores, m.states = nil, make(map[string]states, len(set.Buckets))
	for _, s := range set.All() {
		m.stores = append(m.stores, s)
	}
	for _, b := range set.Buckets {
		m.states[b.Name()] = b
	}
}

// keep is how long the ledger remembers a lock that it has not seen since: long
// enough to outlive any outage of the monitor.
const keep = 30 * 24 * time.Hour

// Run makes one scan. Whatever fails, the rest is still done: stores that can be read
// are judged and told, and metrics are sent. The error then names everything that
// failed, and the report says what was found all the same.
func (m *Monitor) Run(ctx context.Context) (Report, error) {
	read := m.read(ctx)
	scan := ledger.Scan{Started: read.started, Ended: m.Now(), Watched: read.watched, Failures: read.failures}

	turn, recalled, err := m.recall(ctx, scan)
	errs := []error{err}
	scan.Locks = m.judge(ctx, tflock.Merge(read.holdings), recalled, scan)

	var resolved []time.Duration
	if turn != nil {
		resolved, err = m.tell(ctx, turn, scan)
		errs = append(errs, err)
	}
	report := newReport(scan)
	errs = append(errs, m.Meter.Put(ctx, report.measures(resolved), scan.Ended))
	for _, failure := range report.Errors {
		errs = append(errs, errors.New(failure))
	}
	return report, errors.Join(errs...)
}

// recall takes the turn to tell. Without it, since another invocation has it, the
// memory still helps to judge; without a memory locks are judged by what they say.
func (m *Monitor) recall(ctx context.Context, scan ledger.Scan) (*ledger.Turn, ledger.Memory, error) {
	turn, err := m.Ledger.Begin(ctx, newOwner(), scan.Started, m.Now())
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
