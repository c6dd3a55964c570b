package alert

import (
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// shownInMail bounds the locks of a summary that mail lists; the event's JSON has
// as many as fit.
const shownInMail = 50

// Runbook leads from the alert to a healthy state.
const Runbook = "https://github.com/lockwarden/lockwarden/blob/main/infra/runbooks/stuck-lock.md"

// Subject is the mail's subject: ASCII without control characters, under 100 of
// them, as SNS demands.
func (e Event) Subject() string {
	what := map[Type]string{
		LockStuck: "stuck lock", LockReminder: "still stuck", LockResolved: "resolved", LockUnreadable: "unreadable lock",
		LockReleased: "released", LockRefused: "release refused",
		ScanFailed: "scan failed", ScanRecovered: "scan recovered", PruneReported: "stale states",
	}[e.Type]
	about := ""
	switch {
	case e.Lock != nil:
		about = e.Lock.Path
	case len(e.Locks) > 0:
		about = fmt.Sprintf("%d locks", len(e.Locks)+e.Omitted)
	case e.about != "":
		about = e.about
	case len(e.paths) == 1:
		about = e.paths[0]
	default:
		about = fmt.Sprintf("%d backends", len(e.paths))
	}
	mark := map[Severity]string{Critical: "CRITICAL ", Warning: "", Info: ""}[e.Severity]
	subject := "[Lockwarden] " + mark + what + ": "
	return subject + tail(ascii(Clean(about, maxPath)), 99-len(subject))
}

// tail keeps the end of a path, which says more than its beginning.
func tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return "..." + text[len(text)-limit+3:]
}

func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// Mail is the mail's text.
func (c Composer) Mail(e Event) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s\n", e.Text)
	switch {
	case e.Lock != nil:
		lockFacts(line, *e.Lock)
		if e.Actions != (Actions{}) {
			advice(line, e)
		}
	case len(e.Locks) > 0:
		for _, f := range e.Locks[:min(len(e.Locks), shownInMail)] {
			line("- %s: %s, %s, held for %s, %s, ID %s", Clean(f.Path, 300), holder(f), or(Clean(f.Operation, 40), "unknown operation"),
				policy.Words(f.Held()), f.Evidence.Liveness, or(Clean(f.ID, 40), "none"))
		}
		if more := max(0, len(e.Locks)-shownInMail) + e.Omitted; more > 0 {
			line("- and %d more", more)
		}
		line("\nSo many at once often have one cause: look for a failed CI system or expired credentials first.")
	default:
		if e.Type == PruneReported {
			pruneTables(line, e)
		}
		for _, l := range e.Details {
			line("- %s", l)
		}
		if e.Type == ScanFailed {
			line("\nUntil this is mended no lock in there is watched, and none of them is called resolved.")
		}
	}
	if e.Type == LockResolved {
		line("\nIf nobody finished that run, look for an errored.tfstate where it ran, and for resources that the state does not know.")
	}
	if e.pruned && c.PruneFunction != "" {
		line("To bring a pruned state back, put its path into:\n  %s", c.invoke(c.PruneFunction, map[string]string{"restore": "BUCKET/KEY"}))
	}
	line("\nAccount %s, region %s, %s", e.Account, e.Region, policy.Clock(e.Time))
	if c.Dashboard != "" {
		line("Dashboard: %s", c.Dashboard)
	}
	return b.String()
}

func lockFacts(line func(string, ...any), f policy.Finding) {
	line("State:      %s", Clean(f.Path, maxPath))
	if f.Verdict == policy.Unreadable {
		line("Lies in:    %s", kinds(f))
	} else {
		line("Held by:    %s", holder(f))
		line("Operation:  %s (client version %s)", or(Clean(f.Operation, maxText), "unknown"), or(Clean(f.Version, 40), "unknown"))
		line("Lock ID:    %s", Clean(f.ID, maxText))
		line("Lies in:    %s", kinds(f))
	}
	line("Since:      %s (%s)", policy.Clock(f.HeldSince), policy.Words(f.Held()))
	if f.Verdict != policy.Unreadable {
		line("Its run:    %s", map[policy.Liveness]string{
			policy.PossiblyLive: "MAY BE ALIVE", policy.LikelyOrphan: "likely dead", policy.Unknown: "not known",
		}[f.Evidence.Liveness])
	}
	for _, reason := range f.Evidence.Reasons {
		line("  - %s", Clean(reason, 500))
	}
}

func advice(line func(string, ...any), e Event) {
	line("\nCheck first:")
	line("  1. Is the run alive? Look at the CI job or ask the person above. Releasing a live lock gives the state two writers.")
	line("  2. If it died in an apply: is there an errored.tfstate where it ran? Push that before anything else.")
	if e.Actions.Unlock != "" {
		line("\nThen release it. This checks again that it is the same lock, and that nobody writes the state:")
		line("  %s", e.Actions.Unlock)
	}
	line("\nOr, in an initialised checkout of that state (no such check):")
	line("  %s", e.Actions.ForceUnlock)
	line("\nRunbook: %s", Runbook)
}
