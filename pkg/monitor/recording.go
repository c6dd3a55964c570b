package monitor

import (
	"context"
	"iter"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// forget removes what there was no room to remember, in half of the time that is left. It comes before what is new is recorded, or a
// ledger that takes less in a scan than there is would grow until none could read it.
func (n *notifier) forget(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer cancel()
	n.unforgotten = n.lease.Forget(ctx)
}

// storesTime is left to record what people know of the stores, where recording what was seen takes all of the time.
const storesTime = 5 * time.Second

// untilStores is what there is for recording what was seen.
func untilStores(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline() // the lease has one
	left := time.Until(deadline)
	return left - min(storesTime, left/2)
}

// note records what nobody is notified of.
func (n *notifier) note(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, untilStores(ctx))
	defer cancel()
	n.record(ctx, fewFirst(n.only(func(s ledger.Step) bool { return s.Change == ledger.Note || s.Change == ledger.Forget })))
}

// few is how many steps of a prefix are recorded before those of others: more than a team has of its own.
const few = 100

// fewFirst returns some steps of each prefix before the rest of them: where the ledger does not take all of them in its time, whoever may write
// one prefix would keep what is new under others from being recorded. They are made twice where one has more, rather than kept.
func fewFirst(steps iter.Seq[ledger.Step]) iter.Seq[ledger.Step] {
	return func(yield func(ledger.Step) bool) {
		more := false
		for _, first := range []bool{true, false} {
			if !first && !more {
				return
			}
			under := map[string]int{}
			for step := range steps {
				prefix := step.Key.Path.Prefix()
				under[prefix]++
				beyond := under[prefix] > few
				more = more || beyond
				if beyond != first && !yield(step) {
					return
				}
			}
		}
	}
}

// leastRecording is what recording a few locks takes where the ledger is slow.
const leastRecording = 2 * time.Second

// part is half of the time that is left to publish, or what a few locks take, for recording one message: it may have more locks than the
// ledger can record in its time, and other messages come after it, and the stores after all of them. What is not recorded is in a message
// of the next scan again.
func (n *notifier) part(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, max(time.Until(n.until)/2, min(leastRecording, untilStores(ctx)/2)))
}
