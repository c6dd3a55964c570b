package monitor

import (
	"context"
	"iter"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// maxFailures is how many messages that belong together may fail, one after the other: then it is not for what is in one of them.
const maxFailures = 5

// send publishes an event, then records its steps, some of each prefix first: what shares a message with more than the ledger takes
// would be notified of in each scan.
func (n *notifier) send(ctx context.Context, news *news, event alert.Event, steps iter.Seq[ledger.Step]) {
	out := func(ledger.Step) bool { return true }
	switch inTime, late := n.inTime(steps); {
	case late:
		out = n.sendParts(ctx, news, steps, inTime, 0)
	case n.publish(ctx, event, 1) == nil:
		n.ended(news)
	default:
		all := prefixes(news)
		n.noteLate(all, steps)
		out = n.sendParts(ctx, news, steps, parted(all, steps), 1)
	}
	n.recordMessage(ctx, steps, out)
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
// put a message off, or stall, for what is in one lock, each time that it comes. So the prefixes, and then the folders of one, are parted in
// halves, until all but those of that lock are out. The messages behind this one keep some time.
func (n *notifier) sendParts(ctx context.Context, all *news, steps iter.Seq[ledger.Step], parts [][]string, failures int) (out func(ledger.Step) bool) {
	sent := map[string]bool{}
	for len(parts) > 0 && failures < maxFailures && time.Until(n.until) > time.Second {
		var failed [][]string
		for i, part := range partsOf(all, parts, steps) {
			if failures >= maxFailures || part.count == 0 {
				continue
			}
			if n.publish(ctx, n.eventOf(ctx, part), len(parts)-i) != nil {
				failures++
				n.noteLate(parts[i], steps)
				failed = append(failed, parted(parts[i], steps)...)
				continue
			}
			n.ended(part)
			for _, name := range parts[i] {
				sent[name] = true
			}
			failures = 0
		}
		parts = failed
	}
	return func(s ledger.Step) bool { return sent[s.Key.Path.Prefix()] || sent[folderOf(s.Key.Path)] }
}

// eventOf is the event of one lock, or of several.
func (n *notifier) eventOf(ctx context.Context, part *news) alert.Event {
	if part.count == 1 {
		return n.event(ctx, part.steps()[0])
	}
	return n.summary(ctx, part)
}

// partsOf are the news of some prefixes or folders each.
func partsOf(all *news, parts [][]string, steps iter.Seq[ledger.Step]) []*news {
	parted, place := make([]*news, len(parts)), map[string]int{}
	for i, part := range parts {
		parted[i] = newsOf(all.change)
		parted[i].together = all.together
		for _, name := range part {
			place[name] = i
		}
	}
	for step := range steps {
		i, ok := place[step.Key.Path.Prefix()]
		if !ok {
			i, ok = place[folderOf(step.Key.Path)]
		}
		if ok {
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

// parted are the halves of some prefixes or folders, and those of the folders in one prefix.
func parted(names []string, steps iter.Seq[ledger.Step]) [][]string {
	if len(names) == 1 {
		names = foldersIn(names[0], steps)
	}
	return halves(names)
}

// halves parts what is more than one.
func halves(names []string) [][]string {
	if len(names) < 2 {
		return nil
	}
	return [][]string{names[:len(names)/2], names[len(names)/2:]}
}
