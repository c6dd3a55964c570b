package monitor

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// maxFailures is how many messages that belong together may fail, one after the other: then it is not for what is in one of them.
const maxFailures = 5

// send publishes an event, then records its steps, some of each prefix first: what shares a message with more than the ledger takes
// would be notified of in each scan.
func (n *notifier) send(ctx context.Context, news *news, event alert.Event, steps iter.Seq[ledger.Step]) {
	out := func(ledger.Step) bool { return true }
	switch all := prefixes(news); {
	case slices.ContainsFunc(all, n.isLate):
		out = n.sendParts(ctx, news, steps, [][]string{slices.DeleteFunc(all, n.isLate)}, 0)
	case n.publish(ctx, event, 1) == nil:
		n.ended(news)
	default:
		n.noteLate(all)
		out = n.sendParts(ctx, news, steps, halves(all), 1)
	}
	n.recordMessage(ctx, steps, out)
}

// isLate reports whether a message of a prefix had too little time in this scan. What is in its messages may make a mail server slow: its
// others do not take the time of those behind them as well, and wait for the next scan.
func (n *notifier) isLate(prefix string) bool { return n.late[prefix] }

// ended keeps how long the locks were held that people were notified of as resolved.
func (n *notifier) ended(news *news) {
	if news.change != ledger.Resolved {
		return
	}
	for _, step := range news.steps() {
		n.resolved = append(n.resolved, n.endOf(step).Sub(step.Entry.Description.HeldSince))
	}
}

// recordMessage records the steps of one message, or of its parts: those that are out, and the others as such.
func (n *notifier) recordMessage(ctx context.Context, steps iter.Seq[ledger.Step], out func(ledger.Step) bool) {
	ctx, cancel := n.part(ctx)
	defer cancel()
	message := ledger.Message{}
	n.record(ctx, func(yield func(ledger.Step) bool) {
		for step := range fewFirst(steps) {
			if out(step) {
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

// sendParts notifies of what shares a message that could not be published, and returns what is out then. Outside of AWS a mail server may
// put a message off, or stall, for what is in one lock, each time that it comes. So the prefixes are parted in halves, until all but those of
// that lock are out.
func (n *notifier) sendParts(ctx context.Context, all *news, steps iter.Seq[ledger.Step], parts [][]string, failures int) (out func(ledger.Step) bool) {
	sent := map[string]bool{}
	for len(parts) > 0 && failures < maxFailures {
		var failed [][]string
		for i, part := range partsOf(all, parts, steps) {
			if failures >= maxFailures || part.count == 0 {
				continue
			}
			if n.publish(ctx, n.eventOf(ctx, part), len(parts)-i) != nil {
				failures++
				n.noteLate(parts[i])
				failed = append(failed, halves(parts[i])...)
				continue
			}
			n.ended(part)
			for _, prefix := range parts[i] {
				sent[prefix] = true
			}
			failures = 0
		}
		parts = failed
	}
	return func(s ledger.Step) bool { return sent[s.Key.Path.Prefix()] }
}

// noteLate notes that the last message had too little time, where it was of one prefix alone.
func (n *notifier) noteLate(prefixes []string) {
	if len(prefixes) != 1 || !errors.Is(n.unpublished[len(n.unpublished)-1], context.DeadlineExceeded) {
		return
	}
	if n.late == nil {
		n.late = map[string]bool{}
	}
	n.late[prefixes[0]] = true
}

// eventOf is the event of one lock, or of several.
func (n *notifier) eventOf(ctx context.Context, part *news) alert.Event {
	if part.count == 1 {
		return n.event(ctx, part.steps()[0])
	}
	return n.summary(ctx, part)
}

// partsOf are the news of some prefixes each.
func partsOf(all *news, parts [][]string, steps iter.Seq[ledger.Step]) []*news {
	parted, place := make([]*news, len(parts)), map[string]int{}
	for i, part := range parts {
		parted[i] = newsOf(all.change)
		parted[i].together = all.together
		for _, prefix := range part {
			place[prefix] = i
		}
	}
	for step := range steps {
		if i, ok := place[step.Key.Path.Prefix()]; ok {
			parted[i].add(step)
		}
	}
	return parted
}

func prefixes(all *news) []string {
	var names []string
	for _, p := range all.picked.Prefixes() {
		names = append(names, p.Prefix)
	}
	return names
}

// halves parts what is more than one.
func halves(names []string) [][]string {
	if len(names) < 2 {
		return nil
	}
	return [][]string{names[:len(names)/2], names[len(names)/2:]}
}
