package alert

import (
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// lockText is one lock's event in words. Its first sentence alone says which state, held
// by whom, for how long, and what is the matter.
func lockText(e Event) string {
	f := *e.Lock
	path, held, who, run := stated(f.Path), policy.Words(f.Held()), Holder(f), Run(f.Evidence.Liveness)
	switch e.Type {
	case LockStuck:
		return fmt.Sprintf("State %s has been locked by %s for %s, and %s.", path, who, held, run) + withoutCommand(e)
	case LockReminder:
		return fmt.Sprintf("State %s is still locked by %s after %s, and %s.", path, who, held, run) + withoutCommand(e)
	case LockResolved:
		return resolvedText(path, who, held, e)
	case LockUnreadable:
		return fmt.Sprintf("The entry %s in %s cannot be read as a Terraform lock, so its holder is not known; it has been there for %s.", path, Place(f), held)
	case LockReleasePlanned:
		return planText(path, who, held, e)
	case LockReleased:
		text := releasedText(path, who, held, run, *e.Release)
		if e.Release.Outcome == Partly || e.Release.Outcome == Unknown { // it is to be repeated
			text += inNoCommand(e)
		}
		return text
	case LockRefused:
		return fmt.Sprintf("The lock on state %s was NOT released: %s has held it for %s, and %s. A release that %s asked for was refused: %s",
			path, who, held, run, asker(*e.Release), withFullStop(Clean(e.Release.Why, maxReason))) + inNoCommand(e)
	}
	return ""
}

func resolvedText(path, who, held string, e Event) string {
	text := fmt.Sprintf("The stuck lock of %s on state %s is gone after %s", who, path, held)
	if e.Current != nil {
		text += fmt.Sprintf(", but the state is locked again, by %s", Holder(*e.Current))
	}
	text += "."
	if r := e.Release; r != nil {
		text += fmt.Sprintf(" It was released through Lockwarden by %s.%s", asker(*r), because(*r))
	} else if e.Removal != nil {
		text += " It was " + removed(*e.Removal) + "."
	}
	return text
}

func releasedText(path, who, held, run string, r Release) string {
	lock := fmt.Sprintf("The lock of %s on state %s, held for %s, ", who, path, held)
	var text string
	switch {
	case r.Outcome == Gone:
		text = fmt.Sprintf("is gone; whether by this release or by its holder is not known (%s). The release was asked for by %s.", run, asker(r))
	case r.Outcome == Unknown:
		text = fmt.Sprintf("may be there still (%s): %s asked for its release, and whether that had its effect cannot be found out, because %s", run, asker(r), withFullStop(Clean(r.Why, maxReason)))
	case r.Outcome == Partly && r.Why != "":
		text = fmt.Sprintf("was released in part by %s (%s); whether its other half is gone cannot be found out, because %s", asker(r), run, withFullStop(Clean(r.Why, maxReason)))
	case r.Outcome == Partly:
		text = fmt.Sprintf("was released only in part by %s, so the state may still be locked; %s.", asker(r), run)
	case r.Forced:
		text = fmt.Sprintf("was released by force by %s, against the safety check; %s.", asker(r), run)
	default:
		text = fmt.Sprintf("was released by %s; %s.", asker(r), run)
	}
	return lock + text + because(r)
}

// withoutCommand says how to release a lock whose ID or path is in no command.
func withoutCommand(e Event) string {
	if Releasable(*e.Lock) {
		return ""
	}
	return " No command is given, because the lock's ID or path has characters that a shell or a chat may misread: to release the lock, " + e.byHand("it") + "."
}

// inNoCommand goes with advice to repeat a release of a lock whose ID or path is in no command.
func inNoCommand(e Event) string {
	if Releasable(*e.Lock) || e.Lock.Verdict == policy.Unreadable {
		return ""
	}
	return " Put neither the lock's ID nor its path into a command: one of them has characters that a shell or a chat may misread."
}

// byHand is how to release a lock without a command: outside of AWS there is no dashboard.
func (e Event) byHand(lock string) string {
	if e.Links.Dashboard == "" {
		return "give its ID and path to the unlock function, by a program and never between a shell's quotes"
	}
	return "press Release beside " + lock + " on the dashboard"
}

// WithoutCommand is what a chat's list says of a lock without a command.
func (e Event) WithoutCommand() string {
	if e.Links.Dashboard == "" {
		return " (no command: " + e.byHand("it") + ")"
	}
	return " (no command: press Release on the dashboard)"
}

// sharedText is the event of several locks in words: the first sentence has the oldest.
func sharedText(e Event) string {
	if e.Plan != nil {
		return sharedPlanText(e)
	}
	what := map[Type]string{
		LockStuck: "locks are stuck", LockReminder: "locks are still stuck", LockResolved: "stuck locks are gone",
		LockUnreadable: "entries cannot be read as Terraform locks, so their holders are not known",
	}[e.Type]
	text := fmt.Sprintf("%d %s", len(e.Locks)+e.Omitted, what)
	if oldest := oldestOf(e.Locks); oldest != nil {
		text += longest(e.Type, *oldest)
	}
	text += "."
	if len(e.Prefixes) > 0 {
		text += " By prefix: " + under(e.Prefixes, shownPrefixes) + "."
	}
	if again := lockedAgain(e.Locks); len(again) > 0 {
		text += " Locked again already: " + strings.Join(again, ", ") + "."
	}
	if n := withoutCommands(e); n > 0 {
		text += fmt.Sprintf(" For %d of those listed no command is given, because the ID or path has characters that a shell or a chat may misread: to release one, %s.", n, e.byHand("it"))
	}
	return text
}

// shownPrefixes is how many prefixes the text of a shared message counts.
const shownPrefixes = 5

// longest says which of several locks is, or was, held the longest.
func longest(t Type, i Item) string {
	path, who, held := stated(i.Path), Holder(i.Description), policy.Words(i.Held())
	switch {
	case isAlarm(t):
		return fmt.Sprintf("; the oldest, on state %s, has been held by %s for %s, and %s", path, who, held, Run(i.Evidence.Liveness))
	case t == LockResolved:
		return fmt.Sprintf("; the oldest, on state %s, was held by %s for %s", path, who, held)
	default:
		return fmt.Sprintf("; the oldest, %s in %s, has been there for %s", path, Place(i.Description), held)
	}
}

// withoutCommands counts the stuck locks of a shared message that have no command.
func withoutCommands(e Event) int {
	n := 0
	for _, i := range e.Locks {
		if isAlarm(e.Type) && !Releasable(i.Description) {
			n++
		}
	}
	return n
}

func oldestOf(items []Item) *Item {
	var oldest *Item
	for i := range items {
		if oldest == nil || items[i].HeldSince.Before(oldest.HeldSince) {
			oldest = &items[i]
		}
	}
	return oldest
}

// lockedAgain names the states of resolved locks that have another lock, the first few.
func lockedAgain(items []Item) []string {
	var names []string
	for _, i := range items {
		switch {
		case i.Current == nil:
		case len(names) == 5:
			return append(names, "…")
		default:
			names = append(names, Quoted(Clean(i.Path, 200)))
		}
	}
	return names
}
