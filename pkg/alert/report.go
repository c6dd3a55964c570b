package alert

import (
	"cmp"
	"fmt"
	"time"
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
		add(true, "Find out why runs leave locks behind on %s: %d of the %d stuck locks were there.", Quoted(clipTail(most[0].Path, 200)), most[0].Count, stuck(w))
	}
	if n := w.PlannedReleases; n != nil && *n > 0 {
		add(true, "Consider AutoReleaseMode=release: the automatic release of %s was planned, since %s over, and was not done.", count(*n, "lock", "locks"), map[bool]string{true: "its run was", false: "their runs were"}[*n == 1])
	}
	percent, ok := planShare(w)
	add(ok && percent >= plansTake && *w.PlanLockSeconds >= plansWorth, "Plans take %d%% of lock time: consider -lock=false for the plans of pull requests.", percent)
	if s := w.States; s != nil && s.Abandoned > 0 {
		add(true, "Destroy what %s and no other state does: the last prune report names %s.", count(s.Abandoned, "abandoned state still manages", "abandoned states still manage"), map[bool]string{true: "it", false: "them"}[s.Abandoned == 1])
	}
	if l := w.Locking; l != nil && l.Lockfile+l.Both > 0 && l.Table > 0 {
		add(true, "%s in the table alone (in the inventory: locking=table): add use_lockfile = true there, then remove dynamodb_table.", count(l.Table, "state still locks", "states still lock"))
	}
	add(len(steps) == 0, "Nothing needs to be done.")
	return steps
}
