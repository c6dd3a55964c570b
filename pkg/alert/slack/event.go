package slack

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"sync"

	api "github.com/slack-go/slack"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Renderer makes Slack's messages of one stack.
type Renderer struct {
	Dashboard string // URL of the stack's dashboard, for alarms and events without one; empty: no link
}

// heading is how an event of a type begins: a mark, and words for one and for many.
type heading struct{ mark, one, many string }

// headings distinguish an alert, a reminder and its end at a glance.
var headings = map[alert.Type]heading{
	alert.LockStuck:      {"🔒", "Stuck for %s", "%d stuck locks"},
	alert.LockReminder:   {"⏰", "Still stuck after %s", "%d locks are still stuck"},
	alert.LockResolved:   {"✅", "Gone after %s", "%d stuck locks are gone"},
	alert.LockUnreadable: {"❓", "Unreadable lock", "%d unreadable locks"},
	alert.LockReleased:   {"🔓", "Released after %s", "%d locks were released"},
	alert.LockRefused:    {"✋", "NOT released, held %s", "%d releases were refused"},
	alert.ScanFailed:     {"📡", "Scan failed, locks not watched", "%d tables and buckets cannot be read"},
	alert.ScanRecovered:  {"✅", "Scan recovered", "%d tables and buckets can be read again"},
	alert.PruneReported:  {"🧹", "Stale states", "%d stale states"},
	alert.WeeklyReport:   {"📊", "The week to %s", ""},

	alert.StateFinding:         {"🔎", "", "%d things are wrong with states"},
	alert.StateFindingResolved: {"✅", "No longer: ", "%d findings are gone"},
	alert.StateRepaired:        {"🔧", "State repaired", "%d states were repaired"},

	alert.LockReleasePlanned: {"⏳", "Run over, lock held %s", "%d locks of runs that are over"},
	alert.AutoPaused:         {"⏸", "Automatic release paused", ""},
}

// absences are the headings of a scan's event where there is nothing to read.
var absences = map[alert.Absence]heading{
	alert.Deleted:   {"📡", "A watched table or bucket no longer exists", "%d watched tables and buckets no longer exist"},
	alert.Unmatched: {"📡", "Nothing to watch yet", "%d patterns match nothing yet"},
}

func (r Renderer) event(e alert.Event) *api.WebhookMessage {
	title := headline(e)
	mark, _, _ := strings.Cut(title, " ")
	d := &draft{headline: title, notice: mark + " " + e.Text, own: e.OwnLinks(), colour: cmp.Or(colours[e.Severity], grey)}
	d.prose(alert.Clean(e.Text, maxText))
	d.steps(e)
	switch {
	case e.Lock != nil:
		d.lock(e)
	case len(e.Locks) > 0:
		d.locks(e)
	}
	d.states(e)
	d.week(e)
	d.findings(e)
	d.list("", alert.StoreLines(e), 0)
	d.list("", alert.RepairLines(e), 0)
	d.list("What could not be done", e.Details, 0)
	d.footer(r.links(e), fmt.Sprintf("Account %s, region %s, %s", e.Account, e.Region, policy.Clock(e.Time)))
	return d.message()
}

// headline has the end of the path, since that is where states differ.
func headline(e alert.Event) string {
	h, ok := headings[e.Type]
	if !ok {
		return "Lockwarden: " + string(e.Type) // of a later version of the monitor
	}
	if absent, ok := absences[e.Absence()]; ok {
		h = absent
	}
	if e.Unsafe() {
		h = heading{"📡", "Locks are not safe", "Locks in %d tables and buckets are not safe"}
	}
	if e.Severity == alert.Critical {
		h.mark = "🚨"
	}
	switch {
	case e.Lock != nil:
		if e.Release != nil && e.Type == alert.LockReleased {
			h.one = map[alert.Outcome]string{alert.Partly: "Released IN PART after %s", alert.Gone: "Gone after %s", alert.Unknown: "Perhaps released after %s"}[e.Release.Outcome]
			h.one = cmp.Or(h.one, headings[e.Type].one)
		}
		what := h.mark + " " + h.one
		if strings.Contains(what, "%s") {
			what = fmt.Sprintf(what, policy.Words(e.Lock.Held()))
		}
		return what + ": " + tail(e.Lock.Path, 90)
	case e.Week != nil:
		return h.mark + " " + fmt.Sprintf(h.one, e.Week.To.UTC().Format("2 January 2006"))
	case len(e.Locks) > 0:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.Locks)+e.Omitted)
	case len(e.Findings)+e.Omitted > 1 && len(e.Findings) > 0:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.Findings)+e.Omitted)
	case len(e.Findings) == 1:
		return h.mark + " " + h.one + alert.ProblemWords(e.Findings[0].Type) + ": " + tail(string(e.Findings[0].Path), 80)
	case e.Prune != nil && len(e.States)+e.Omitted != 1:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.States)+e.Omitted)
	case e.Repair != nil && e.Repair.Stopped != "":
		return h.mark + " State repaired IN PART: " + tail(e.Repair.Path, 90)
	case e.Repair != nil:
		return h.mark + " " + h.one + ": " + tail(e.Repair.Path, 90)
	case len(e.Stores) > 1:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.Stores))
	default:
		return h.mark + " " + h.one
	}
}

// steps are what to do, and the commands for it.
func (d *draft) steps(e alert.Event) {
	lines := make([]string, len(e.Steps))
	for i, step := range e.Steps {
		lines[i] = fmt.Sprintf("%d. %s", i+1, step)
	}
	d.lines("What to do", lines, 0, maxList)
	if e.Actions.UnlockForm != "" {
		d.prose(alert.FormHint)
	}
	for _, line := range []string{e.Actions.Unlock, e.Actions.UnlockForm, e.Actions.Keep, e.Actions.Restore} {
		if line == "" {
			continue
		}
		if text, ok := command(line, maxSection); ok {
			d.markup(text)
		} else {
			d.prose("The command is too long for Slack: it is in the mail, and in unlock_command of the event.")
		}
	}
}

func (d *draft) lock(e alert.Event) {
	f := *e.Lock
	label := "State"
	if f.Verdict == policy.Unreadable {
		label = "Entry"
	}
	d.markup("*" + label + "*\n" + value(f.Path, maxSection-20))
	since := fact{"Held for", fmt.Sprintf("%s, since %s", policy.Words(f.Held()), policy.Clock(f.HeldSince))}
	stored := fact{"Stored in", code(alert.Place(f), 600)}
	if f.Verdict == policy.Unreadable {
		since.label = "There for"
		d.facts(stored, since)
	} else {
		d.facts(
			fact{"Held by", value(f.Who, 600)}, since,
			fact{"Operation", code(alert.Operation(f), 600) + client(f.Version)}, stored,
			fact{"Lock ID", value(f.ID, 1200)},
		)
		d.witness(f.Witness)
	}
	title := ""
	if f.Verdict != policy.Unreadable {
		title = "Its run: " + f.Evidence.Liveness.Words()
	}
	d.list(title, f.Evidence.Reasons, 0)
	if o := e.Current; o != nil {
		d.facts(fact{"Locked now by", value(o.Who, 600)}, fact{"Its lock ID", value(o.ID, 1200)})
	}
}

// witness shows who took the lock, as S3's event says.
func (d *draft) witness(w *policy.Witness) {
	if w == nil {
		return
	}
	facts := []fact{{"Taken by", value(w.Actor(), 600)}}
	if w.SourceIP != "" {
		facts = append(facts, fact{"From", value(w.SourceIP, 200)})
	}
	d.facts(facts...)
}

// locks lists the locks of a shared message. Path and ID are code, so that they can be
// copied into the command above.
func (d *draft) locks(e alert.Event) {
	lines := make([]string, len(e.Locks))
	for i, item := range e.Locks {
		lines[i] = "• " + alert.Quoted(tail(item.Path, 120))
		if (e.Type == alert.LockStuck || e.Type == alert.LockReminder) && !alert.Releasable(item.Description) {
			lines[i] += e.WithoutCommand()
		}
		lines[i] += ": " + alert.ItemLine(e, item)
	}
	d.lines("Locks", lines, e.Omitted, maxLocks)
	if len(e.Prefixes) > 1 {
		var counts []string
		for _, p := range e.Prefixes {
			counts = append(counts, fmt.Sprintf("%s %d", tail(p.Prefix, 60), p.Locks))
		}
		d.markup("*Locks by prefix*")
		d.prose(alert.Clean(strings.Join(counts, ", "), maxCounts))
	}
}

func (d *draft) states(e alert.Event) {
	for _, g := range e.StateGroups() {
		shown := maxListed
		if g.Heading == "Kept" {
			shown = 5 // the least interesting
		}
		var lines []string
		for _, s := range g.States[:min(len(g.States), shown)] {
			lines = append(lines, alert.Quoted(tail(string(s.Path), 150))+": "+alert.StateLine(s))
		}
		d.list(g.Heading, lines, len(g.States)-len(lines))
	}
	if e.Prune != nil && e.Omitted > 0 {
		d.prose(fmt.Sprintf("%d more are not listed here: see the log of the prune function.", e.Omitted))
	}
}

// week are the figures of a weekly report, a line each.
func (d *draft) week(e alert.Event) {
	var lines []string
	for _, f := range e.WeekFacts() {
		lines = append(lines, f.Label+": "+f.Text)
	}
	d.list("", lines, 0)
}

func (r Renderer) links(e alert.Event) []string {
	var links []string
	if e.Lock != nil {
		if address := stateURL(e.Region, e.Lock.Path); address != "" {
			links = append(links, link(address, "State object"))
		}
	}
	if runbookURL().MatchString(e.Links.Runbook) {
		links = append(links, link(e.Links.Runbook, "Runbook"))
	}
	dashboard := r.Dashboard
	if dashboardURL().MatchString(e.Links.Dashboard) {
		dashboard = e.Links.Dashboard
	}
	if dashboard != "" {
		links = append(links, link(dashboard, "Dashboard"))
	}
	return links
}

// The links that an event of ours has. Another one is not shown: whoever may publish to
// the topic could send people anywhere.
var (
	runbookURL = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^https://github\.com/lockwarden/lockwarden/blob/main/(infra/runbooks/[a-z-]+\.md|docs/weekly-report\.md#what-to-do)$`)
	})
	dashboardURL = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^https://[a-z0-9-]+\.console\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)/cloudwatch/[A-Za-z0-9?=#:/._%-]*$`)
	})
)

// value is what a lock's holder wrote.
func value(text string, limit int) string {
	if alert.Clean(text, limit) == "" {
		return "unknown"
	}
	return code(text, limit)
}

func client(version string) string {
	if alert.Clean(version, 40) == "" {
		return ""
	}
	return " by version " + code(version, 100)
}
