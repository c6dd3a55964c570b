package monitor

import (
	"context"
	"iter"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// send publishes an event, then records its steps, some of each prefix first: what shares a message with more than the ledger takes
// would be notified of in each scan.
func (n *notifier) send(ctx context.Context, news *news, event alert.Event, steps iter.Seq[ledger.Step]) {
	isOut := n.publish(ctx, event) == nil
	if isOut {
		n.ended(news)
	}
	ctx, cancel := n.part(ctx)
	defer cancel()
	message := ledger.Message{}
	n.record(ctx, func(yield func(ledger.Step) bool) {
		for step := range fewFirst(steps) {
			if isOut {
				message.Add(step.Change, step.Store(), step.Key.Path, n.memory.Stores)
			} else {
				step = step.Unnotified()
			}
			if !yield(step) {
				return
			}
		}
	})
	n.out.Add(message)
}

// ended keeps how long the locks were held that people were notified of as resolved.
func (n *notifier) ended(news *news) {
	if news.change != ledger.Resolved {
		return
	}
	for _, step := range news.steps() {
		n.resolved = append(n.resolved, n.endOf(step).Sub(step.Entry.Description.HeldSince))
	}
}
