package alert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func locksLine(w Week) string {
	if w.Locks.Taken == nil || w.Locks.Stuck == nil {
		return ""
	}
	text := fmt.Sprintf("%d taken, %d stuck (held longer than their threshold)", *w.Locks.Taken, *w.Locks.Stuck)
	if b := w.WeekBefore; b != nil && b.Taken != nil && b.Stuck != nil {
		text += fmt.Sprintf("; week before: %d and %d", *b.Taken, *b.Stuck)
	}
	if n := w.Locks.StuckNow; n > 0 {
		text += fmt.Sprintf("; %d stuck now", n)
	}
	if n := w.Locks.StuckUnread; n > 0 {
		text += "; " + stuckUnread(n)
	}
	return text
}

// unreadLine names the stores whose locks are not counted, and for how long.
func unreadLine(w Week) string {
	var parts []string
	for _, u := range w.Unread[:min(len(w.Unread), 3)] {
		parts = append(parts, storeName(u.Store)+" for "+seconds(u.Seconds))
	}
	return strings.Join(parts, ", ")
}

func resolveLine(w Week) string {
	if w.TimeToResolve == nil {
		return ""
	}
	say := func(r Resolve) string {
		return fmt.Sprintf("median %s, longest %s", seconds(r.MedianSeconds), seconds(r.LongestSeconds))
	}
	text := say(*w.TimeToResolve)
	if b := w.WeekBefore; b != nil && b.TimeToResolve != nil {
		text += "; week before: " + say(*b.TimeToResolve)
	}
	return text
}

// automaticLine compares automatic releases with those by hand, or says what they would
// have been.
func automaticLine(w Week) string {
	var parts []string
	if by := w.ResolvedBy; by != nil && by.Automatic != nil {
		parts = append(parts, counted(*by.Automatic))
		if by.ByHand != nil {
			parts = append(parts, "released by people through Lockwarden: "+counted(*by.ByHand))
		}
	}
	if n := w.PlannedReleases; n != nil {
		parts = append(parts, fmt.Sprintf("%d planned, none done (AutoReleaseMode is report)", *n))
	}
	return strings.Join(parts, "; ")
}

func counted(r CountedResolve) string {
	return fmt.Sprintf("median %s (%s)", seconds(r.MedianSeconds), count(r.Count, "lock", "locks"))
}

func releasedLine(l WeekLocks) string {
	if l.Released == 0 {
		return ""
	}
	var parts []string
	for _, way := range []struct {
		how  How
		text string
	}{
		{ByLockwarden, "through Lockwarden"},
		{Automatically, "automatically"},
		{ByHolder, "by their holder"},
		{BySomebodyElse, "by force-unlock or deletion by somebody else"},
		{ByUnknown, "by holder or somebody else (not known)"},
	} {
		if n := released(l, way.how); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", n, way.text, releasers(l, way.how)))
		}
	}
	return strings.Join(parts, ", ") + alsoReleased(l)
}

// alsoReleased says why more locks may have been released than became stuck in the week.
func alsoReleased(l WeekLocks) string {
	var also []string
	if l.ReleasedFresh > 0 {
		also = append(also, fmt.Sprintf("%d not stuck yet", l.ReleasedFresh))
	}
	if l.StuckBefore > 0 {
		also = append(also, fmt.Sprintf("%d stuck since before the week", l.StuckBefore))
	}
	if len(also) == 0 {
		return ""
	}
	return "; of these " + strings.Join(also, ", ")
}

// releasers names those who released the most locks in one way, where they have a name.
func releasers(l WeekLocks, how How) string {
	if how != ByLockwarden && how != BySomebodyElse {
		return ""
	}
	all := released(l, how)
	var names []string
	for _, r := range l.ReleasedBy {
		name := cmp.Or(inList(Clean(r.Who, 60)), "an unnamed caller")
		switch {
		case r.How != how || len(names) == 3:
		case r.Count == all:
			names = append(names, name)
		default:
			names = append(names, fmt.Sprintf("%s %d", name, r.Count))
		}
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func mostLine[T any](list []T, of func(T) (string, int)) string {
	var parts []string
	for _, item := range list[:min(len(list), 3)] {
		name, n := of(item)
		parts = append(parts, fmt.Sprintf("%s (%d)", inList(name), n))
	}
	return strings.Join(parts, ", ")
}

// inList puts quotation marks around a name that would look like several in a list.
func inList(name string) string {
	if !strings.ContainsAny(name, ",()\"") {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, "'") + `"`
}

func lockTimeLine(w Week) string {
	if w.LockSeconds == nil || *w.LockSeconds == 0 {
		return ""
	}
	text := seconds(*w.LockSeconds)
	if percent, ok := planShare(w); ok {
		text += fmt.Sprintf(", %d%% of it in plans", percent)
	}
	return text
}

func attemptsLine(w Week) string {
	if w.RefusedLockAttempts == nil {
		return ""
	}
	return fmt.Sprintf("%d in lock tables (retries count: a run that waits is refused many times)", *w.RefusedLockAttempts)
}

func statesLine(w Week) string {
	if w.States == nil {
		return ""
	}
	return fmt.Sprintf("%d pruned, %s%d abandoned (stale, and still managing resources)", w.States.Pruned, map[bool]string{true: "at least "}[w.States.AtLeast], w.States.Abandoned)
}

func findingsLine(w Week) string {
	if w.OpenFindings == nil {
		return ""
	}
	text := fmt.Sprint(*w.OpenFindings)
	if c := w.FindingsBySeverity; c != nil && *w.OpenFindings > 0 {
		text += fmt.Sprintf(" (%d critical, %s, %d for information)", c.Critical, count(c.Warning, "warning", "warnings"), c.Info)
	}
	return text
}

func lockingLine(w Week) string {
	if w.Locking == nil {
		return ""
	}
	text := fmt.Sprintf("%s in a table alone, %d in both, %d in a lockfile alone", count(w.Locking.Table, "state", "states"), w.Locking.Both, w.Locking.Lockfile)
	if b := w.WeekBefore; b != nil && b.Locking != nil {
		text += fmt.Sprintf("; week before: %d, %d and %d", b.Locking.Table, b.Locking.Both, b.Locking.Lockfile)
	}
	return text
}

// uncountedLine says what a report leaves out where somebody locked more states than it counts.
func uncountedLine(w Week) string {
	if !w.TooMany {
		return ""
	}
	return "how states are locked, and some of the most stuck: more than 100,000 states were locked"
}

// planShare is the share of lock time that plans took, in percent.
func planShare(w Week) (percent int64, ok bool) {
	if w.LockSeconds == nil || w.PlanLockSeconds == nil || *w.LockSeconds <= 0 {
		return 0, false
	}
	return int64(float64(*w.PlanLockSeconds)/float64(*w.LockSeconds)*100 + 0.5), true
}

func released(l WeekLocks, how How) int {
	n := 0
	for _, r := range l.ReleasedBy {
		if r.How == how {
			n += r.Count
		}
	}
	return n
}

func stuck(w Week) int { return *cmp.Or(w.Locks.Stuck, new(int)) }

func seconds(n int64) string { return policy.Words(time.Duration(n) * time.Second) }

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
