package slack

import (
	"fmt"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Renderer makes Slack's messages of one stack.
type Renderer struct {
	Dashboard string // URL of the stack's dashboard; empty: no link
}

// heading is how an event of a type begins: a mark, and words for one and for many.
type heading struct{ mark, one, many string }

// headings let a reminder and a notice of the end be told from an alert at a glance.
var headings = map[alert.Type]heading{
	alert.LockStuck:      {"🔒", "Stuck lock", "%d stuck locks"},
	alert.LockReminder:   {"⏰", "Still stuck after %s", "%d locks are still stuck"},
	alert.LockResolved:   {"✅", "Resolved after %s", "%d stuck locks are gone"},
	alert.LockUnreadable: {"❓", "Unreadable lock", "%d unreadable locks"},
	alert.LockReleased:   {"🔓", "Released", "%d locks were released"},
	alert.LockRefused:    {"✋", "Release refused", "%d releases were refused"},
	alert.ScanFailed:     {"📡", "Scan failed", "%d backends cannot be read"},
	alert.ScanRecovered:  {"✅", "Scan recovered", "%d backends can be read again"},
	alert.PruneReported:  {"🧹", "Stale states", "%d stale states"},
}

func (r Renderer) event(e alert.Event) *api.WebhookMessage {
	d := &draft{headline: headline(e), summary: e.Text, colour: colours[e.Severity]}
	switch {
	case e.Lock != nil:
		d.lock(e)
	case len(e.Locks) > 0:
		d.locks(e)
	case e.Type == alert.PruneReported:
		d.states(e)
	case len(e.Details) > 0:
		d.list("", e.Details, 0)
	default:
		d.prose(e.Text)
	}
	if next := advice[e.Type]; next != "" {
		d.prose(next)
	}
	d.footer(r.links(e), fmt.Sprintf("Account %s, region %s, %s", e.Account, e.Region, policy.Clock(e.Time)))
	return d.message()
}

// headline has the end of the path, since that is what tells states apart.
func headline(e alert.Event) string {
	h, ok := headings[e.Type]
	if !ok {
		return "Lockwarden: " + string(e.Type) // of a later version of the monitor
	}
	if e.Severity == alert.Critical {
		h.mark = "🚨"
	}
	switch {
	case e.Lock != nil:
		what := h.mark + " " + h.one
		if strings.Contains(what, "%s") {
			what = fmt.Sprintf(what, policy.Words(e.Lock.Held()))
		}
		return what + ": " + tail(e.Lock.Path, 90)
	case len(e.Locks) > 0:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.Locks)+e.Omitted)
	case e.Type == alert.PruneReported && len(e.States)+e.Omitted != 1:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.States)+e.Omitted)
	case len(e.Details) > 1 && e.Type != alert.PruneReported:
		return h.mark + " " + fmt.Sprintf(h.many, len(e.Details))
	default:
		return h.mark + " " + h.one
	}
}

// advice is what to do next, where the facts do not say it.
var advice = map[alert.Type]string{
	alert.LockResolved:  "If nobody finished that run, look for an errored.tfstate where it ran, and for resources that the state does not know.",
	alert.ScanFailed:    "Until this is mended no lock in there is watched, and none of them is called resolved.",
	alert.PruneReported: "To bring a pruned state back, invoke the prune function with {\"restore\": \"BUCKET/KEY\"}.",
}

func (d *draft) lock(e alert.Event) {
	f := *e.Lock
	alarming := e.Type == alert.LockStuck || e.Type == alert.LockReminder
	if !alarming {
		d.prose(e.Text) // the facts say no more than that a lock was held
	}
	d.markup("*State*\n" + value(f.Path, maxSection-20))
	since := fact{"Held for", fmt.Sprintf("%s, since %s", policy.Words(f.Held()), policy.Clock(f.HeldSince))}
	if f.Verdict == policy.Unreadable {
		since.label = "There for"
		d.facts(fact{"Lies in", kinds(f)}, since)
	} else {
		d.facts(
			fact{"Held by", value(f.Who, 600)}, since,
			fact{"Operation", value(f.Operation, 600) + " " + client(f.Version)}, fact{"Lies in", kinds(f)},
			fact{"Lock ID", value(f.ID, 1200)},
		)
	}
	switch {
	case f.Verdict == policy.Unreadable:
		d.list("", f.Evidence.Reasons, 0)
	case alarming || e.Type == alert.LockRefused:
		d.list("I"+run(f.Evidence.Liveness)[1:], f.Evidence.Reasons, 0)
	}
	if e.Actions.Unlock != "" {
		d.release(e.Actions.Unlock)
	}
}

// release shows the command, after the question that comes first.
func (d *draft) release(line string) {
	const intro = "*Is the run alive?* Look at the CI job, or ask its holder. If it is over, release the lock; this checks again that it is the same lock, and that nobody writes the state:\n"
	if text, ok := command(line, maxSection-len(intro)); ok {
		d.markup(intro + text)
		return
	}
	d.markup("*No command here:* no client made this lock's ID. The runbook says what to do.")
}

func (d *draft) locks(e alert.Event) {
	lines := make([]string, len(e.Locks))
	for i, f := range e.Locks {
		lines[i] = tail(f.Path, 150)
		if f.Verdict != policy.Unreadable {
			lines[i] += fmt.Sprintf(": %s by %s, %s", policy.Words(f.Held()), or(alert.Clean(f.Who, 60), "somebody unknown"), run(f.Evidence.Liveness))
		}
	}
	d.prose(e.Text)
	d.list("", lines, e.Omitted)
	if e.Type == alert.LockStuck || e.Type == alert.LockReminder {
		d.prose("So many at once often have one cause: look for a failed CI system or expired credentials first.")
	}
}

func (d *draft) states(e alert.Event) {
	var abandoned, pruned, meant, kept []string
	for _, s := range e.States {
		line := fmt.Sprintf("%s: last written %s", tail(s.Path, 150), s.LastModified.UTC().Format(time.DateOnly))
		switch {
		case s.Abandoned():
			abandoned = append(abandoned, fmt.Sprintf("%s, %s", line, alert.Resources(s)))
		case s.Fate == policy.Kept:
			kept = append(kept, fmt.Sprintf("%s, %s", line, or(s.Why, string(s.Reason))))
		case s.Fate == policy.WouldPrune:
			meant = append(meant, fmt.Sprintf("%s, serial %d", line, s.Serial))
		default:
			pruned = append(pruned, fmt.Sprintf("%s, serial %d", line, s.Serial))
		}
	}
	d.prose(e.Text)
	d.list("Still managing infrastructure: destroy it, or tag the state object lockwarden:keep", abandoned, 0)
	d.list("Pruned", pruned, 0)
	d.list("Would be pruned", meant, 0)
	few := min(len(kept), 5) // the least interesting
	d.list("Kept", kept[:few], len(kept)-few)
	if e.Omitted > 0 {
		d.prose(fmt.Sprintf("%d more have no room here: the log of the prune function names them.", e.Omitted))
	}
	d.list("What could not be done", e.Details, 0)
}

func (r Renderer) links(e alert.Event) []string {
	var links []string
	if e.Lock != nil {
		if address := stateURL(e.Region, e.Lock.Path); address != "" {
			links = append(links, link(address, "State object"))
		}
	}
	if e.Actions != (alert.Actions{}) {
		links = append(links, link(alert.Runbook, "Runbook"))
	}
	if r.Dashboard != "" {
		links = append(links, link(r.Dashboard, "Dashboard"))
	}
	return links
}

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
	return "by version " + code(version, 100)
}

func kinds(f policy.Finding) string {
	names := make([]string, len(f.Holdings))
	for i, k := range f.Holdings {
		names[i] = map[bool]string{true: "lock table", false: "state bucket"}[k == "dynamodb"]
	}
	return or(strings.Join(names, " and "), "unknown")
}

// run says whether the lock's run is alive, as the end of a sentence.
func run(l policy.Liveness) string {
	switch l {
	case policy.PossiblyLive:
		return "its run MAY BE ALIVE"
	case policy.LikelyOrphan:
		return "its run is likely dead"
	default:
		return "it is not known whether its run is alive"
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
