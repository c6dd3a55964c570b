package alert

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// letter is a mail in the making.
type letter struct {
	b   strings.Builder
	own []string // links
}

// line adds a line in which no link is a stranger's.
func (l *letter) line(format string, args ...any) {
	l.b.WriteString(Unlink(fmt.Sprintf(format, args...), l.own...) + "\n")
}

// command adds a line with a command as it is: nothing but plain IDs and paths came into it.
func (l *letter) command(format, command string) { fmt.Fprintf(&l.b, format+"\n", command) }

// Mail is the event as a mail's text. Its first line says what matters, and what to do
// stands before the evidence.
func Mail(e Event) string {
	l := &letter{own: e.OwnLinks()}
	l.line("%s\n", Clean(e.Text, 4000))
	l.steps(e)
	switch {
	case e.Lock != nil:
		l.facts(e)
	case len(e.Locks) > 0:
		l.locks(e)
	}
	l.states(e)
	l.findings(e)
	for _, line := range StoreLines(e) {
		l.line("- %s", line)
	}
	for _, f := range e.WeekFacts() {
		l.line("%-22s %s", f.Label+":", f.Text)
	}
	for _, line := range RepairLines(e) {
		l.line("- %s", line)
	}
	l.section("What could not be done:", e.Details)
	if !strings.HasSuffix(l.b.String(), "\n\n") {
		l.line("")
	}
	if e.Links.Dashboard != "" {
		l.line("Dashboard: %s", e.Links.Dashboard)
	}
	if e.Links.Runbook != "" {
		l.line("Runbook:   %s", e.Links.Runbook)
	}
	l.line("%s", strings.TrimSuffix(fmt.Sprintf("Account %s, region %s, %s, Lockwarden %s", e.Account, e.Region, policy.Clock(e.Time), e.Lockwarden), ", Lockwarden "))
	return l.b.String()
}

// steps are what to do, and the commands for it.
func (l *letter) steps(e Event) {
	if len(e.Steps) > 0 {
		l.line("What to do:")
	}
	for i, step := range e.Steps {
		l.line("  %d. %s", i+1, Clean(step, 1000))
	}
	if len(e.Steps) > 0 {
		l.line("")
	}
	if e.Actions.Unlock != "" {
		l.command("%s\n", e.Actions.Unlock)
	}
	if e.Actions.Keep != "" {
		l.command("%s\n", e.Actions.Keep)
	}
	if e.Actions.ForceUnlock != "" {
		l.command("Without these checks, in an initialised checkout of that state:\n%s\n", e.Actions.ForceUnlock)
	}
	if e.Actions.Restore != "" {
		l.command("%s\n", e.Actions.Restore)
	}
}

// facts are one lock in a table.
func (l *letter) facts(e Event) {
	f := *e.Lock
	if f.Verdict == policy.Unreadable {
		l.line("Entry:      %s", Clean(f.Path, maxPath))
	} else {
		l.line("State:      %s", Clean(f.Path, maxPath))
		l.line("Held by:    %s", Holder(f))
		l.line("Operation:  %s (client version %s)", Operation(f), cmp.Or(Clean(f.Version, 40), "unknown"))
		l.line("Lock ID:    %s", Clean(f.ID, maxText))
	}
	l.line("Stored in:  %s", Place(f))
	l.line("Since:      %s (%s)", policy.Clock(f.HeldSince), policy.Words(f.Held()))
	l.evidence(f)
	if o := e.Current; o != nil {
		l.line("Locked now: by %s, %s, lock ID %s", Holder(*o), Operation(*o), Quoted(Clean(o.ID, maxText)))
	}
}

// evidence says whether the run counts as dead or alive, and why.
func (l *letter) evidence(d policy.Description) {
	if len(d.Evidence.Reasons) == 0 {
		return
	}
	if d.Verdict != policy.Unreadable {
		l.line("Its run:    %s", d.Evidence.Liveness.Words())
	}
	for _, reason := range d.Evidence.Reasons {
		l.line("  - %s", Clean(reason, maxReason))
	}
}

// locks lists the locks of a shared message, each with the way to release it.
func (l *letter) locks(e Event) {
	for _, i := range e.Locks {
		l.line("- %s", Quoted(Clean(i.Path, maxPath)))
		l.line("  %s", ItemLine(e, i))
		switch {
		case i.Actions != nil && i.Actions.Unlock != "":
			l.command("  %s", i.Actions.Unlock)
		case isAlarm(e.Type) && !Releasable(i.Description):
			l.line("  (No command: %s.)", e.byHand("the lock"))
		}
	}
	if e.Omitted > 0 {
		l.line("- and %d more", e.Omitted)
	}
	if len(e.Prefixes) > shownPrefixes {
		l.line("\nBy prefix: %s.", under(e.Prefixes, len(e.Prefixes)))
	}
}

// ItemLine says of a lock in a shared message what there is to say beside its path.
func ItemLine(e Event, i Item) string {
	held := policy.Words(i.Held())
	switch e.Type {
	case LockUnreadable:
		line := fmt.Sprintf("in %s for %s", Place(i.Description), held)
		if len(i.Evidence.Reasons) > 0 {
			line += ": " + Clean(i.Evidence.Reasons[0], 200)
		}
		return line
	case LockResolved:
		line := fmt.Sprintf("held by %s for %s", Holder(i.Description), held)
		if i.Release != nil {
			line += ", released through Lockwarden by " + asker(*i.Release)
		} else if i.Removal != nil {
			line += ", " + removed(*i.Removal)
		}
		if i.Current != nil {
			line += ", locked again by " + Holder(*i.Current)
		}
		return line
	default:
		return fmt.Sprintf("held by %s for %s (%s), %s, lock ID %s, in %s",
			Holder(i.Description), held, Operation(i.Description), Run(i.Evidence.Liveness), cmp.Or(Quoted(Clean(i.ID, maxText)), "none"), Place(i.Description))
	}
}

// states lists what a prune did.
func (l *letter) states(e Event) {
	for _, g := range e.StateGroups() {
		l.line("%s:", g.Heading)
		for _, s := range g.States {
			l.line("  - %s", Quoted(Clean(string(s.Path), maxPath)))
			l.line("    %s", StateLine(s))
		}
		l.line("")
	}
	if e.Prune != nil && e.Omitted > 0 {
		l.line("%s not listed here: see the log of the prune function.\n", count(e.Omitted, "more state is", "more states are"))
	}
}

// section is a list under a heading, if there is anything in it.
func (l *letter) section(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	l.line("%s", heading)
	for _, text := range lines {
		l.line("  - %s", Clean(text, 600))
	}
}
