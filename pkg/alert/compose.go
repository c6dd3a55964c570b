package alert

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Composer makes events for one stack.
type Composer struct {
	Version        string // of Lockwarden
	Account        string
	Region         string
	UnlockFunction string // name of this stack's unlock function
	PruneFunction  string // name of this stack's prune function
	Dashboard      string // URL of the dashboard; empty: no link
}

func (c Composer) event(t Type, severity Severity, now time.Time) Event {
	return Event{
		Version: "1", Lockwarden: c.Version, Type: t, Severity: severity, Time: now.UTC().Truncate(time.Second), Account: c.Account, Region: c.Region,
		Links: Links{Dashboard: c.Dashboard},
	}
}

// IsCritical reports whether the n-th notification of something is critical: the alert and the
// first reminder are warnings.
func IsCritical(n int) bool { return n > 2 }

// Lock makes the event of one lock. notified counts how often people were notified of
// it, this time included.
func (c Composer) Lock(t Type, d policy.Description, notified int, now time.Time) Event {
	severity := Warning
	switch {
	case t == LockResolved:
		severity, d = Info, resolved(d, now)
	case t == LockReminder && IsCritical(notified):
		severity = Critical
	}
	e := c.event(t, severity, now)
	e.Lock = &d
	if t == LockStuck || t == LockReminder {
		e.Actions = c.actions(d, reasonOf(now))
		e.Links.Runbook = runbook("stuck-lock")
	}
	return e.worded()
}

// By adds to a resolved event who released the lock through us, and why.
func (e Event) By(who, reason string) Event {
	e.Release = &Release{Outcome: Whole, RequestedBy: who, Reason: reason}
	return e.worded()
}

// RemovedBy adds to a resolved event who removed the lock, as S3 says.
func (e Event) RemovedBy(r policy.Removal) Event {
	e.Removal = &r
	return e.worded()
}

// NowLockedBy adds to a resolved event that another lock is on its state already.
func (e Event) NowLockedBy(other policy.Description) Event {
	e.Current = &other
	return e.worded()
}

// Released makes the event of a lock of which at least one half may be gone after we were
// asked to release it: the release's outcome says what is known.
func (c Composer) Released(d policy.Description, r Release, now time.Time) Event {
	severity := Info
	if r.Forced || r.Outcome != Whole {
		severity = Warning
	}
	e := c.event(LockReleased, severity, now)
	e.Lock, e.Release = &d, &r
	return e.worded()
}

// Refused makes the event of a lock that we refused to release, and why.
func (c Composer) Refused(d policy.Description, who, why string, now time.Time) Event {
	e := c.event(LockRefused, Warning, now)
	e.Lock, e.Release = &d, &Release{Outcome: Refused, RequestedBy: who, Why: why}
	e.Links.Runbook = runbook("stuck-lock")
	return e.worded()
}

// Summary makes one event of many locks.
func (c Composer) Summary(t Type, descriptions []policy.Description, severity Severity, now time.Time) Event {
	items := make([]Item, len(descriptions))
	for i, f := range descriptions {
		items[i].Description = f
	}
	return c.Shared(t, items, severity, now)
}

// Shared makes one event of several locks, the urgent ones first. Of each, Release,
// Removal and Current are used as they are. It lists the first lock of each top-level prefix before
// the others, since that is what is left when there is no room for all.
func (c Composer) Shared(t Type, items []Item, severity Severity, now time.Time) Event {
	e := c.event(t, severity, now)
	chosen := NewSelection[Item](len(items))
	for _, item := range items {
		if t == LockResolved {
			ended := item.Ended
			if ended.IsZero() {
				ended = now
			}
			item.Description, item.Ended = resolved(item.Description, ended), time.Time{}
		}
		if a := c.actions(item.Description, reasonOf(now)); isAlarm(t) && a != (Actions{}) {
			a.UnlockFunction = "" // it is in the event once
			item.Actions = &a
		}
		chosen.Add(item.Path, item)
	}
	e.Locks, e.Prefixes = chosen.Items(), chosen.Prefixes()
	if isAlarm(t) {
		e.Links.Runbook = runbook("stuck-lock")
		if c.UnlockFunction != "" {
			e.Actions.UnlockFunction = c.UnlockFunction
			e.Actions.UnlockForm = c.unlockCommand("LOCK_ID", "BUCKET/KEY", reasonOf(now))
		}
	}
	return e.worded()
}

// AndMore says that a shared event is about n locks more than it was given.
func (e Event) AndMore(n int) Event {
	e.Omitted += n
	return e.worded()
}

// Across returns a shared event the counts by prefix of all locks that it is about, also of
// those that it was not given.
func (e Event) Across(prefixes []Prefix) Event {
	e.Prefixes = slices.Clone(prefixes)
	return e.worded()
}

// Bounded says in a shared event why its locks share it: their prefix had so many messages within an hour.
func (e Event) Bounded(messages int) Event {
	e.bounded = messages
	return e.worded()
}

// boundedText is the sentence of Bounded, to be added to a shared event's text.
func boundedText(e Event) string {
	if e.bounded == 0 {
		return ""
	}
	return fmt.Sprintf(" There were %d messages about this within an hour, so what is new under the same prefix shares one message an hour until it calms down.", e.bounded)
}

// worded returns a lock event its subject, text and steps, which are all that its fields
// say.
func (e Event) worded() Event {
	if e.Lock != nil {
		e.Subject, e.Text = lockSubject(e), lockText(e)
	} else {
		e.Subject, e.Text = sharedSubject(e), sharedText(e)+boundedText(e)
	}
	e.Steps = lockSteps(e)
	return e
}

// resolved is a lock that is gone: held until now, and without a verdict on its run.
// The ledger has both as they were at the last notification.
func resolved(d policy.Description, now time.Time) policy.Description {
	d.HeldSeconds = int64(max(0, now.Sub(d.HeldSince)) / time.Second)
	d.Evidence = policy.Evidence{Liveness: policy.Unknown, Reasons: []string{}, Written: d.Evidence.Written}
	return d
}

func isAlarm(t Type) bool { return t == LockStuck || t == LockReminder }

func reasonOf(now time.Time) string { return "stuck lock alert of " + policy.Clock(now) }

// runbook is the page of that name.
func runbook(name string) string {
	return fmt.Sprintf("https://github.com/lockwarden/lockwarden/blob/main/infra/runbooks/%s.md", name)
}
