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
	e.Links.Runbook = weekPage
	if w.Locks.Taken == nil {
		e.Links.Runbook = runbook("no-scan")
	}
	return e
}

// weekPage is the runbook of a report: how to do what it advises, and what each line means.
const weekPage = "https://github.com/lockwarden/lockwarden/blob/main/docs/weekly-report.md#what-to-do"

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
		{"Not read", unreadLine(w)},
		{"Time to resolve", resolveLine(w)},
		{"Automatic release", automaticLine(w)},
		{"Released", releasedLine(w.Locks)},
		{"Most stuck states", mostLine(w.MostStuck.Paths, func(p PathCount) (string, int) { return clipTail(p.Path, 100), p.Count })},
		{"Most stuck holders", mostLine(w.MostStuck.People, func(p WhoCount) (string, int) { return cmp.Or(Clean(p.Who, 60), "an unknown holder"), p.Count })},
		{"Lock time", lockTimeLine(w)},
		{"Refused lock attempts", attemptsLine(w)},
		{"Stale states", statesLine(w)},
		{"Open findings", findingsLine(w)},
		{"Where states lock", lockingLine(w)},
		{"Not counted", uncountedLine(w)},
	} {
		if f.Text != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// plansTake is the share of lock time from which plans are worth a word, in percent, and
// plansWorth the time in seconds below which they are not.
const (
	plansTake  = 50
	plansWorth = 3600
)

// urgentFindings counts the open findings that somebody should resolve.
func urgentFindings(w Week) int {
	if c := w.FindingsBySeverity; c != nil {
		return c.Critical + c.Warning
	}
	return *cmp.Or(w.OpenFindings, new(int))
}

func openFindings(n int) string {
	if n == 1 {
		return "open finding"
	}
	return fmt.Sprintf("%d open findings", n)
}

func stuckNow(n int) string {
	if n == 1 {
		return "lock that is stuck now"
	}
	return fmt.Sprintf("%d locks that are stuck now", n)
}

// stuckUnread says how many locks were stuck in what is not read any more.
func stuckUnread(n int) string {
	if n == 1 {
		return "1 was stuck when its table or bucket was last read"
	}
	return fmt.Sprintf("%d were stuck when their tables or buckets were last read", n)
}

func ofThemCritical(w Week) string {
	if c := w.FindingsBySeverity; c != nil && c.Critical > 0 {
		return fmt.Sprintf(" (%d critical)", c.Critical)
	}
	return ""
}

// weekSteps are what to do next, the most urgent first.
func weekSteps(w Week) []string {
	var steps []string
	add := func(is bool, format string, args ...any) {
		if is {
			steps = append(steps, fmt.Sprintf(format, args...))
		}
	}
	add(w.Locks.Taken == nil, "Find out why the monitor does not run: look at its alarm and its log.")
	add(w.Locks.Taken != nil && w.UnwatchedSeconds > 0, "Find out why the monitor did not run, or could read nothing, for %s: look at its alarm and its log.", seconds(w.UnwatchedSeconds))
	if len(w.Unread) > 0 {
		add(true, "Let the monitor read %s again: it could not for %s of the week.", storeName(w.Unread[0].Store), seconds(w.Unread[0].Seconds))
	}
	add(w.Locks.StuckNow > 0, "Look at the %s on the dashboard, and release %s if its run is over.", stuckNow(w.Locks.StuckNow), map[bool]string{true: "it", false: "each"}[w.Locks.StuckNow == 1])
	add(urgentFindings(w) > 0, "Resolve the %s of the last inventory%s: lockwarden states lists them, and the runbook says what to do about each kind.", openFindings(urgentFindings(w)), ofThemCritical(w))
	add(w.TooMany, "Find out who locks so many states: there were more than a report counts (100,000), and no team has as many.")
	n := released(w.Locks, BySomebodyElse)
	add(n > 0, "%s by somebody other than the holder, with force-unlock or by deleting the object. Neither checks that the run is over: release through Lockwarden, which does.", count(n, "stuck lock was released", "stuck locks were released"))
	if most := w.MostStuck.Paths; len(most) > 0 && most[0].Count > 1 {
		add(true, "Find out why runs leave locks behind on %s: %d of the %d stuck locks were there.", clipTail(most[0].Path, 200), most[0].Count, stuck(w))
	}
	if n := w.PlannedReleases; n != nil && *n > 0 {
		add(true, "Consider AutoReleaseMode=release: the automatic release of %s was planned, since %s over, and was not done.", count(*n, "lock", "locks"), map[bool]string{true: "its run was", false: "their runs were"}[*n == 1])
	}
	percent, ok := planShare(w)
	add(ok && percent >= plansTake && *w.PlanLockSeconds >= plansWorth, "%d %% of lock time is plans: consider -lock=false for the plans of pull requests.", percent)
	if s := w.States; s != nil && s.Abandoned > 0 {
		add(true, "Destroy what %s: the last prune report names %s.", count(s.Abandoned, "abandoned state still manages", "abandoned states still manage"), map[bool]string{true: "it", false: "them"}[s.Abandoned == 1])
	}
	if l := w.Locking; l != nil && l.Lockfile+l.Both > 0 && l.Table > 0 {
		add(true, "%s in the table alone (in the inventory: locking=table): add use_lockfile = true there, then remove dynamodb_table.", count(l.Table, "state still locks", "states still lock"))
	}
	add(len(steps) == 0, "Nothing needs to be done.")
	return steps
}

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
		name := cmp.Or(Clean(r.Who, 60), "an unnamed caller")
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
	return "where states lock, and some of the most stuck: too many states were locked"
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
