package monitor

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// budget parts the time that is left of an invocation once the stores are read, so that
// nothing that hangs takes the time of what comes after it: the metrics are sent last.
type budget struct {
	recall  time.Duration // to take the lease and to read the memory
	look    time.Duration // to look at states
	metrics time.Duration // kept for the metrics
}

// enough is what each part takes at most where there is time.
var enough = budget{recall: 2 * ledger.LeaseTime / 3, look: 20 * time.Second, metrics: 15 * time.Second}

// budgetOf parts what is left until the context's deadline.
func budgetOf(ctx context.Context) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		return enough
	}
	left := max(0, time.Until(deadline))
	return budget{recall: min(enough.recall, left*2/5), look: min(enough.look, left/5), metrics: min(enough.metrics, left/5)}
}

// notifying is the time for notifications, which ends with the lease or where that of the
// metrics begins.
func (b budget) notifying(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-b.metrics).Before(until) {
		until = deadline.Add(-b.metrics)
	}
	return context.WithDeadline(ctx, until)
}
