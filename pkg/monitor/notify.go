package monitor

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// eventOf is the event that a change is published as. Changes that are not in it are only
// recorded.
var eventOf = map[ledger.Change]alert.Type{
	ledger.Stuck: alert.LockStuck, ledger.Reminder: alert.LockReminder,
	ledger.Unreadable: alert.LockUnreadable, ledger.Resolved: alert.LockResolved,
	ledger.Failed: alert.ScanFailed, ledger.StillFailed: alert.ScanFailed, ledger.StoreDisappeared: alert.ScanFailed, ledger.Unmatched: alert.ScanFailed, ledger.Unsafe: alert.ScanFailed,
	ledger.Recovered: alert.ScanRecovered,
}

// lease is the right to notify, with what it takes to use it.
type lease interface {
	Record(ctx context.Context, steps iter.Seq[ledger.Step]) error
	Forget(ctx context.Context) error
	RecordStores(ctx context.Context, stores map[string]ledger.Store) error
	End(ctx context.Context, stores map[string]ledger.Store) error
}

// released says whether a lock was released through us.
type released interface {
	Released(ctx context.Context, key ledger.Key) (ledger.Release, bool, error)
}

// notifier publishes what is new in one scan, and records each event once it is out.
type notifier struct {
	lease     lease
	released  released
	witnesses witnesses
	composer  alert.Composer
	topic     publisher
	log       *slog.Logger
	memory    ledger.Memory
	scan      *scan.Scan
	rules     ledger.Rules
	until     time.Time // the end of publishing: what could not be published by then is recorded as such

	steps                   iter.Seq[ledger.Step]
	resolved                []time.Duration // how long the resolved locks were held
	out                     ledger.Messages // those about locks that are out
	unpublished, unrecorded []error
	unforgotten             error
}

// run notifies people. When something could not be recorded the lease is not returned, and the stores
// count as not read by this scan: the next one begins from what is on record.
func (n *notifier) run(ctx context.Context) error {
	next := n.stores(ctx) // first, since they are few: of what is wrong with locks there may be so much that the time ends
	n.steps = ledger.Compare(n.memory, n.scan, n.rules)
	all := gather(n.steps)
	for _, change := range []ledger.Change{ledger.Stuck, ledger.Reminder, ledger.Resolved} {
		n.locks(ctx, all.of(change))
		n.locks(ctx, all.together(change))
	}
	n.unreadable(ctx, all)
	n.out.Count(next, n.scan.Ended, n.rules)
	n.forget(ctx)
	if all.of(ledger.Note).count+all.of(ledger.Forget).count > 0 {
		n.note(ctx)
	}
	if err := errors.Join(n.unrecorded...); err != nil {
		return errors.Join(append(n.unpublished, err, n.lease.RecordStores(ctx, next))...)
	}
	return errors.Join(append(n.unpublished, n.lease.End(ctx, next))...)
}

// locks notifies of one change of one or more locks.
func (n *notifier) locks(ctx context.Context, news *news) {
	if news.shared() {
		n.send(ctx, news, n.summary(ctx, news), n.only(func(s ledger.Step) bool { return s.Change == news.change && s.Shared == news.together }))
		return
	}
	for _, step := range news.steps() {
		n.send(ctx, newsOf(news.change, step), n.event(ctx, step), slices.Values([]ledger.Step{step}))
	}
}

// unreadable notifies of unreadable holdings: one message for each store, or one for all
// when they are too many.
func (n *notifier) unreadable(ctx context.Context, all gathered) {
	together := all.of(ledger.Unreadable)
	if len(all.stores) > alert.SummaryAbove {
		n.send(ctx, together, n.summary(ctx, together), n.only(func(s ledger.Step) bool { return s.Change == ledger.Unreadable }))
		return
	}
	for _, store := range all.stores {
		news := all.unreadable[store]
		event := n.summary(ctx, news)
		if news.count == 1 {
			event = n.event(ctx, news.steps()[0])
		}
		n.send(ctx, news, event, n.only(func(s ledger.Step) bool { return s.Change == ledger.Unreadable && s.Store() == store }))
	}
}

// publish leaves time to record what could not be published, and half of the time that is left for the messages behind this one.
func (n *notifier) publish(ctx context.Context, event alert.Event) error {
	ctx, cancel := context.WithTimeout(ctx, time.Until(n.until)/2)
	defer cancel()
	err := n.topic.Publish(ctx, event)
	n.unpublished = append(n.unpublished, err)
	return err
}

func (n *notifier) record(ctx context.Context, steps iter.Seq[ledger.Step]) {
	n.unrecorded = append(n.unrecorded, n.lease.Record(ctx, steps))
}

// only returns the steps that are wanted.
func (n *notifier) only(wanted func(ledger.Step) bool) iter.Seq[ledger.Step] {
	return func(yield func(ledger.Step) bool) {
		for step := range n.steps {
			if wanted(step) && !yield(step) {
				return
			}
		}
	}
}

// stores notifies of stores that fail and of those that can be read again, and returns the
// memory of all stores.
func (n *notifier) stores(ctx context.Context) map[string]ledger.Store {
	steps, next := ledger.CompareStores(n.memory, n.scan, n.rules)
	for _, change := range []ledger.Change{ledger.Failed, ledger.StillFailed, ledger.StoreDisappeared, ledger.Unmatched, ledger.Unsafe, ledger.Recovered} {
		for part := range messagesOf(steps, change) {
			if n.publish(ctx, n.storeEvent(change, part)) == nil {
				continue
			}
			for _, s := range part {
				next[s.ARN] = s.Unnotified
			}
		}
	}
	return next
}

// messagesOf parts the stores of one change into messages: one each, or one for all.
func messagesOf(steps []ledger.StoreStep, change ledger.Change) iter.Seq[[]ledger.StoreStep] {
	same := slices.DeleteFunc(slices.Clone(steps), func(s ledger.StoreStep) bool { return s.Change != change })
	size := 1
	if shared(change, len(same)) {
		size = len(same)
	}
	return slices.Chunk(same, size)
}

// storeEvent is the event of one change of these stores.
func (n *notifier) storeEvent(change ledger.Change, steps []ledger.StoreStep) alert.Event {
	severity, stores := alert.Warning, make([]alert.Store, len(steps))
	for i, s := range steps {
		stores[i] = alert.Store{ARN: s.ARN, Problem: s.Problem, Since: s.Store.FailingSince, Crowded: n.scan.Crowds(s.ARN), Withheld: n.scan.Withholds(s.ARN)}
		switch change {
		case ledger.StoreDisappeared:
			stores[i].Absent, stores[i].Since = alert.Deleted, s.Store.LastRead
		case ledger.Unmatched:
			stores[i].Absent, stores[i].Since = alert.Unmatched, time.Time{}
		case ledger.Unsafe:
			stores[i].Unsafe, stores[i].Since = true, time.Time{}
		}
		if change == ledger.StillFailed && alert.IsCritical(s.Store.Notified) {
			severity = alert.Critical
		}
	}
	switch change {
	case ledger.Recovered, ledger.Unmatched:
		severity = alert.Info
	case ledger.StoreDisappeared, ledger.Unsafe:
		severity = alert.Warning
	}
	return n.composer.Scan(eventOf[change], severity, stores, n.scan.Ended)
}

// event is the event of one lock.
func (n *notifier) event(ctx context.Context, step ledger.Step) alert.Event {
	i := n.item(ctx, step)
	e := n.composer.Lock(eventOf[step.Change], i.Description, step.Entry.Notified, n.endOf(step))
	if i.Release != nil {
		e = e.By(i.Release.RequestedBy, i.Release.Reason)
	}
	if i.Removal != nil {
		e = e.RemovedBy(*i.Removal)
	}
	if step.Current != nil {
		e = e.NowLockedBy(*step.Current)
	}
	n.checkIDs([]alert.Item{{Description: i.Description, Actions: &e.Actions}})
	return e
}

// checkIDs takes a client's own command away where the ID is that of a lock on another state too. Such a command names no state: in a
// checkout of the other one it releases that one's lock, which the ID alone keeps it from.
func (n *notifier) checkIDs(items []alert.Item) {
	paths := map[string]tflock.Path{}
	for _, i := range items {
		if i.Actions != nil && i.Actions.ForceUnlock != "" {
			paths[i.ID] = tflock.Path(i.Path)
		}
	}
	if len(paths) == 0 {
		return
	}
	elsewhere := n.scan.Elsewhere(paths)
	for _, i := range items {
		if i.Actions != nil && elsewhere[i.ID] {
			i.Actions.ForceUnlock = ""
		}
	}
}

// maxReleases bounds the questions to the ledger for a shared message: more locks than
// that are in none.
const maxReleases = 50

// summary is the event of several locks.
func (n *notifier) summary(ctx context.Context, news *news) alert.Event {
	steps := news.steps()
	severity, items := alert.Warning, make([]alert.Item, len(steps))
	for i, step := range steps {
		if i < maxReleases {
			items[i] = n.item(ctx, step)
			continue
		}
		items[i] = alert.Item{Description: *step.Entry.Description, Ended: n.endOf(step), Current: step.Current}
	}
	switch {
	case news.change == ledger.Resolved:
		severity = alert.Info
	case news.change == ledger.Reminder && news.urgent:
		severity = alert.Critical
	}
	e := n.composer.Shared(eventOf[news.change], items, severity, n.scan.Ended).AndMore(news.picked.Omitted()).Across(news.picked.Prefixes())
	n.checkIDs(e.Locks)
	if news.together {
		e = e.Bounded(ledger.MostMessages)
	}
	return e
}

// item is a lock with who took it and who removed it, as far as that is known by now. What
// was released through us has a record of ours, which says more than S3's event.
func (n *notifier) item(ctx context.Context, step ledger.Step) alert.Item {
	i := alert.Item{Description: *step.Entry.Description, Ended: n.endOf(step), Current: step.Current, Release: n.release(ctx, step)}
	witness, removal := n.witnessed(ctx, step)
	if witness != nil {
		i.Witness = witness
	}
	if i.Release == nil {
		i.Removal = removal
	}
	return i
}

// endOf is the end of the scan that found a lock gone: an earlier one, where people could not
// be notified then. Of a lock that is there it is the end of this scan.
func (n *notifier) endOf(step ledger.Step) time.Time {
	if step.Past != nil {
		return step.Past.Ended
	}
	return n.scan.Ended
}

// release is who released a resolved lock through us; nil when nobody did, or when that is
// not known.
func (n *notifier) release(ctx context.Context, step ledger.Step) *alert.Release {
	if step.Change != ledger.Resolved {
		return nil
	}
	r, ours, err := n.released.Released(ctx, step.Key)
	if err != nil {
		n.log.WarnContext(ctx, "who released a lock is not known", "path", step.Key.Path, "error", err)
	}
	if !ours {
		return nil
	}
	return &alert.Release{Outcome: alert.Whole, RequestedBy: r.RequestedBy, Reason: r.Reason, Forced: r.Forced}
}
