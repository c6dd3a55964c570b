package alert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Weekly makes the event of one week.
func (c Composer) Weekly(w Week, now time.Time) Event {
	e := c.event(WeeklyReport, Info, now)
	e.Week = &w
	e.Subject, e.Text, e.Steps = weekSubject(w), weekText(w), weekSteps(w)
	if w.Locks.Taken == nil {
		e.Links.Runbook = runbook("no-scan")
	}
	return e
}

// Fact is one line of a report.
type Fact struct{ Label, Text string }

// WeekFacts are the lines of a weekly report. What was not measured has none.
func (e Event) WeekFacts() []Fact {
	if e.Week == nil {
		return nil
	}
	w := *e.Week
	var facts []Fact
	for _, f := range []Fact{
		{"Locks", locksLine(w)},
		{"Time to resolve", resolveLine(w)},
		{"Released", releasedLine(w.Locks)},
		{"Most stuck states", mostLine(w.MostStuck.Paths, func(p PathCount) (string, int) { return clipTail(p.Path, 100), p.Count })},
		{"Most stuck holders", mostLine(w.MostStuck.People, func(p WhoCount) (string, int) { return or(Clean(p.Who, 60), "an unknown holder"), p.Count })},
		{"Lock time", lockTimeLine(w)},
		{"Refused lock attempts", attemptsLine(w)},
		{"Stale states", statesLine(w)},
		{"Open findings", findingsLine(w)},
		{"States lock in", lockingLine(w)},
	} {
		if f.Text != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

func weekSubject(w Week) string {
	text := "week to " + day(w.To) + ": "
	switch {
	case w.Locks.Taken == nil:
		text += "no scan, so nothing is known of its locks"
	case *w.Locks.Taken == 0 && stuck(w) == 0:
		text += "no locks"
	case stuck(w) == 0:
		text += count(*w.Locks.Taken, "lock", "locks") + ", none stuck"
	default:
		text += fmt.Sprintf("%s, %d stuck", count(*w.Locks.Taken, "lock", "locks"), stuck(w))
		if r := w.TimeToResolve; r != nil {
			text += ", gone after " + seconds(r.MedianSeconds) + " (median)"
		}
	}
	return clippedSubject(text)
}

// weekText is the week in words; its first sentence says whether it was good.
func weekText(w Week) string {
	text := ""
	switch {
	case w.Locks.Taken == nil:
		return fmt.Sprintf("Nothing is known of the locks of the week to %s: the monitor recorded no scan in it.", day(w.To))
	case *w.Locks.Taken == 0 && stuck(w) == 0:
		text = fmt.Sprintf("No lock was seen in the week to %s. Locks that are held for less than the time between two scans are mostly not seen.", day(w.To))
	case stuck(w) == 0:
		text = fmt.Sprintf("No lock was stuck in the week to %s; %s taken.", day(w.To), count(*w.Locks.Taken, "was", "were"))
	default:
		text = fmt.Sprintf("%d of %s stuck in the week to %s", stuck(w), count(*w.Locks.Taken, "lock was", "locks were"), day(w.To)) + trend(w) + "."
	}
	if w.WatchedSince != nil {
		text += fmt.Sprintf(" This is the first week: locks are watched since %s.", policy.Clock(*w.WatchedSince))
	}
	return text
}

// trend compares the week with the one before.
func trend(w Week) string {
	b := w.WeekBefore
	switch {
	case b == nil || b.Stuck == nil:
		return ""
	case stuck(w) < *b.Stuck:
		return fmt.Sprintf(", fewer than the %d of the week before", *b.Stuck)
	case stuck(w) > *b.Stuck:
		return fmt.Sprintf(", more than the %d of the week before", *b.Stuck)
	default:
		return ", as many as in the week before"
	}
}

// plansTake is the share of lock time from which plans are worth a word, in percent, and
// plansWorth the time below which they are not.
const (
	plansTake  = 50
	plansWorth = 3600
)

// weekSteps are what to do next, the most urgent first.
func weekSteps(w Week) []string {
	var steps []string
	add := func(is bool, format string, args ...any) {
		if is {
			steps = append(steps, fmt.Sprintf(format, args...))
		}
	}
	add(w.Locks.Taken == nil, "Find out why the monitor does not run: its alarm and its log say so.")
	add(w.OpenFindings != nil && *w.OpenFindings > 0, "Look at the open findings on the dashboard.")
	n := released(w.Locks, ByForceUnlock)
	add(n > 0, "%s by force-unlock, which does not ask whether the run is alive: release through Lockwarden, which does.", count(n, "lock was released", "locks were released"))
	if most := w.MostStuck.Paths; len(most) > 0 && most[0].Count > 1 {
		add(true, "Find out what leaves locks on %s: it had the most, %d.", clipTail(most[0].Path, 200), most[0].Count)
	}
	percent, ok := planShare(w)
	add(ok && percent >= plansTake && *w.PlanLockSeconds >= plansWorth, "%d %% of lock time is plans: consider -lock=false for the plans of pull requests.", percent)
	add(w.States != nil && w.States.Abandoned > 0, "Destroy what abandoned states still manage: the prune report names them.")
	if l := w.Locking; l != nil && l.Lockfile+l.Both > 0 && l.Table > 0 {
		add(true, "%s in the table alone: add use_lockfile = true there, then remove dynamodb_table.", count(l.Table, "state still locks", "states still lock"))
	}
	add(len(steps) == 0, "Nothing.")
	return steps
}

func locksLine(w Week) string {
	if w.Locks.Taken == nil || w.Locks.Stuck == nil {
		return ""
	}
	text := fmt.Sprintf("%d taken, %d stuck", *w.Locks.Taken, *w.Locks.Stuck)
	if b := w.WeekBefore; b != nil && b.Taken != nil && b.Stuck != nil {
		text += fmt.Sprintf(" (week before: %d and %d)", *b.Taken, *b.Stuck)
	}
	return text
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
		text += " (week before: " + say(*b.TimeToResolve) + ")"
	}
	return text
}

func releasedLine(l WeekLocks) string {
	if l.Released == 0 {
		return ""
	}
	var parts, callers []string
	for _, r := range l.ReleasedBy {
		if r.How == ByLockwarden && len(callers) < 3 {
			callers = append(callers, fmt.Sprintf("%s %d", or(Clean(r.Who, 60), "an unnamed caller"), r.Count))
		}
	}
	for _, way := range []struct {
		how  How
		text string
	}{
		{ByLockwarden, "through Lockwarden"},
		{Automatically, "automatically"},
		{ByHolder, "by their holder"},
		{ByForceUnlock, "by force-unlock"},
		{ByUnknown, "by their holder or by force-unlock"},
	} {
		if n := released(l, way.how); n > 0 {
			part := fmt.Sprintf("%d %s", n, way.text)
			if way.how == ByLockwarden {
				part += " (" + strings.Join(callers, ", ") + ")"
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func mostLine[T any](list []T, of func(T) (string, int)) string {
	var parts []string
	for _, item := range list[:min(len(list), 3)] {
		name, n := of(item)
		parts = append(parts, fmt.Sprintf("%s (%d)", name, n))
	}
	return strings.Join(parts, ", ")
}

func lockTimeLine(w Week) string {
	if w.LockSeconds == nil || *w.LockSeconds == 0 {
		return ""
	}
	text := seconds(*w.LockSeconds)
	if percent, ok := planShare(w); ok {
		text += fmt.Sprintf(", %d %% of it in plans", percent)
	}
	return text
}

func attemptsLine(w Week) string {
	if w.RefusedLockAttempts == nil {
		return ""
	}
	return fmt.Sprintf("%d in lock tables (a waiting run is refused again and again)", *w.RefusedLockAttempts)
}

func statesLine(w Week) string {
	if w.States == nil {
		return ""
	}
	return fmt.Sprintf("%d pruned, %s%d abandoned", w.States.Pruned, map[bool]string{true: "at least "}[w.States.AtLeast], w.States.Abandoned)
}

func findingsLine(w Week) string {
	if w.OpenFindings == nil {
		return ""
	}
	return fmt.Sprint(*w.OpenFindings)
}

func lockingLine(w Week) string {
	if w.Locking == nil {
		return ""
	}
	return fmt.Sprintf("%d in a table, %d in both, %d in a lock file", w.Locking.Table, w.Locking.Both, w.Locking.Lockfile)
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
