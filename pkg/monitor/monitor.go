package monitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

type memory interface {
	Begin(ctx context.Context, owner string, found *scan.Scan, now time.Time) (*ledger.Lease, error)
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
	Scanner      *scan.Scanner
	Ledger       memory
	Released     released
	Witnesses    witnesses // nil: who took a lock is unknown
	Composer     alert.Composer
	Topic        publisher
	Meter        meter
	RemindEvery  time.Duration
	ScanEvery    time.Duration  // from one scan to the next
	Releases     releases       // nil: nobody finishes releases here
	Runs         *evidence.Runs // nil: nobody is asked about CI runs
	AutoReleases autoReleases   // of automatic releases; only with Runs
	Releaser     Releaser       // the same
	Now          func() time.Time
	Log          *slog.Logger
}

// retention is how long the ledger remembers a lock that it has not seen since: long
// enough to outlive any outage of the monitor.
const retention = 30 * 24 * time.Hour

// Run makes one scan: the watched stores are listed, what they hold is merged into locks and
// judged, the ledger compares them with what earlier scans saw, and alerts and metrics are
// published. Whatever fails, the rest is still done. The error then names everything that
// failed, and the report says what was found all the same.
func (m *Monitor) Run(ctx context.Context) (Report, error) {
	earlier := m.plansBefore(ctx)
	found := m.Scanner.Read(ctx)
	budget := budgetOf(ctx)
	m.logCrowds(ctx, found)
	lease, memory, unknown := m.recall(ctx, budget, found)
	found.Judge(memory, maxListed)
	m.addStates(ctx, budget, found)
	m.witness(ctx, budget, found)
	known := m.runs(ctx, budget, found, earlier)
	m.probe(ctx, budget, found)
	due, resolved, unnotified := m.notify(ctx, budget, lease, found, known)
	report := newReport(found)
	figures := figuresOf(found, memory, resolved)
	figures.Partial = unknown != nil && !found.Complete()
	unmeasured := m.Meter.Put(ctx, figures, found.Ended)
	unreleased := m.release(ctx, due)
	return report, errors.Join(unknown, unnotified, unmeasured, unreleased, failure(found))
}

// logCrowds names the folders of which not everything was read.
func (m *Monitor) logCrowds(ctx context.Context, found *scan.Scan) {
	for arn, failed := range found.Failures {
		if found.Crowds(arn) {
			m.Log.ErrorContext(ctx, "not everything in a store was read", "problem", failed.Problem)
		}
	}
}

// recall takes the lease. Without it, since another invocation has it, the memory still
// helps to judge; without a memory locks are judged by what they say.
func (m *Monitor) recall(ctx context.Context, b budget, found *scan.Scan) (*ledger.Lease, ledger.Memory, error) {
	ctx, cancel := context.WithTimeout(ctx, b.recall)
	defer cancel()
	lease, err := m.Ledger.Begin(ctx, rand.Text(), found, m.Now())
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

// addStates adds when the states were written to the locks that people may be shown.
func (m *Monitor) addStates(ctx context.Context, b budget, found *scan.Scan) {
	ctx, cancel := context.WithTimeout(ctx, b.look)
	defer cancel()
	found.AddStates(ctx, found.Worst)
}

// probe finds out which stores outside of AWS honour conditional requests. What is not known is
// said in the log and in the answer; what does not hold, people are notified of too.
func (m *Monitor) probe(ctx context.Context, b budget, found *scan.Scan) {
	ctx, cancel := context.WithTimeout(ctx, b.look)
	defer cancel()
	found.Probe(ctx)
	for _, warning := range found.Warnings() {
		m.Log.WarnContext(ctx, "locks in a store cannot be relied on, or that is not known", "warning", warning)
	}
}

// notify compares the scan with the memory, publishes what is new and records it. It gives
// the locks that are to be released now, and how long the resolved ones were held. Without
// the lease nothing is done.
func (m *Monitor) notify(ctx context.Context, b budget, lease *ledger.Lease, found *scan.Scan, known *knownRuns) (due []*evidence.Question, resolved []time.Duration, err error) {
	if lease == nil {
		return nil, nil, nil
	}
	unfinished := m.finish(ctx, found)
	ctx, cancel := b.notifying(ctx, lease.Until)
	defer cancel()
	n := &notifier{
		out: ledger.Messages{}, lease: lease, released: m.Released, witnesses: m.Witnesses, composer: m.Composer, topic: m.Topic, log: m.Log, memory: lease.Memory, scan: found,
		rules: ledger.Rules{RemindEvery: m.RemindEvery, ScanEvery: m.ScanEvery, Retention: retention},
	}
	deadline, _ := ctx.Deadline()
	n.until = time.Now().Add(time.Until(deadline) / 2)
	due, unplanned := m.plan(ctx, n, known)
	err = n.run(ctx)
	return due, n.resolved, errors.Join(unfinished, unplanned, err, n.unforgotten)
}
