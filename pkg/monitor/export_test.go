package monitor

import (
	"context"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// Lease is what a lease must do, beside what says who released a lock.
type Lease interface {
	lease
	released
}

// Topic is where events are published.
type Topic = publisher

// Keep is how long the ledger remembers a lock that it has not seen.
const Retention = retention

// Witnesses say who took and removed locks.
type Witnesses = witnesses

// NotifyWitnessed is Notify where the removal of lock objects is known.
func NotifyWitnessed(ctx context.Context, l Lease, topic Topic, memory ledger.Memory, found *scan.Scan, rules ledger.Rules, w Witnesses) error {
	n := notifier{
		out: ledger.Messages{}, lease: l, released: l, witnesses: w, composer: alert.Composer{}, topic: topic, log: slog.New(slog.DiscardHandler),
		memory: memory, scan: found, rules: rules, until: time.Now().Add(time.Hour),
	}
	return n.run(ctx)
}

// Notify does what Run does between judging and measuring, over a lease and a memory of
// the test's own.
func Notify(ctx context.Context, l Lease, topic Topic, memory ledger.Memory, found *scan.Scan, rules ledger.Rules) error {
	n := notifier{
		out: ledger.Messages{}, lease: l, released: l, composer: alert.Composer{}, topic: topic, log: slog.New(slog.DiscardHandler),
		memory: memory, scan: found, rules: rules, until: time.Now().Add(time.Hour),
	}
	return n.run(ctx)
}

// AskRuns adds to the worst locks of a scan what is known of their runs.
func (m *Monitor) AskRuns(ctx context.Context, found *scan.Scan) { m.runs(ctx, enough, found, plans{}) }
