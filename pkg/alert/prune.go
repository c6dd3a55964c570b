package alert

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// maxDetails bounds the errors of a prune that a message names.
const maxDetails = 10

// PruneReport is what one prune did.
type PruneReport struct {
	States     []policy.Stale // what is worth telling, at most as many as the caller keeps
	Pruned     int            // all of them, told or not
	WouldPrune int            // all that would have been, with PruneMode=report
	Kept       int            // abandoned ones included
	Abandoned  int
	Errors     []string // what could not be done
}

// Prune makes the event of a prune. What still manages resources comes first: someone
// pays for it.
func (c Composer) Prune(r PruneReport, now time.Time) Event {
	e := c.event(PruneReported, now)
	e.Severity = Info
	if r.Abandoned > 0 || len(r.Errors) > 0 {
		e.Severity = Warning
	}
	e.States = slices.Clone(r.States)
	slices.SortStableFunc(e.States, func(a, b policy.Stale) int {
		return rank(a) - rank(b)
	})
	for _, s := range e.States {
		e.paths = append(e.paths, s.Path)
	}
	all := r.Pruned + r.WouldPrune + r.Kept
	e.Omitted = all - len(r.States)
	e.pruned = r.Pruned > 0
	fates := fmt.Sprintf("%d pruned, ", r.Pruned)
	if r.WouldPrune > 0 {
		fates += fmt.Sprintf("%d would be, ", r.WouldPrune)
	}
	e.about = fmt.Sprintf("%d abandoned, %s%d kept", r.Abandoned, fates, r.Kept-r.Abandoned)
	e.Text = fmt.Sprintf("%s in all: %s%d kept.", count(all, "stale state"), fates, r.Kept)
	if r.Abandoned > 0 {
		e.Text = fmt.Sprintf("%s still %s infrastructure, and someone pays for it. ", count(r.Abandoned, "stale state"), map[bool]string{true: "manages", false: "manage"}[r.Abandoned == 1]) + e.Text
	}
	if len(r.Errors) > 0 {
		e.Text += fmt.Sprintf(" %s could not be done.", count(len(r.Errors), "thing"))
	}
	for _, problem := range r.Errors[:min(len(r.Errors), maxDetails)] {
		e.Details = append(e.Details, Clean(problem, 600))
	}
	if more := len(r.Errors) - maxDetails; more > 0 {
		e.Details = append(e.Details, fmt.Sprintf("and %d more, see the log", more))
	}
	return e
}

// rank puts what costs money first, then what went, then what stayed.
func rank(s policy.Stale) int {
	switch {
	case s.Abandoned():
		return 0
	case s.Fate != policy.Kept:
		return 1
	default:
		return 2
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// pruneTables writes the states of a report as tables that people can read.
func pruneTables(line func(string, ...any), e Event) {
	for i, heading := range []string{"Stale, and still managing infrastructure (destroy it, or tag the state object lockwarden:keep):", "Pruned:", "Kept:"} {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		shown, more := 0, 0
		for _, s := range e.States {
			if rank(s) != i {
				continue
			}
			if shown == shownInMail {
				more++
				continue
			}
			shown++
			fmt.Fprintln(w, "  "+strings.Join(cells(s), "\t"))
		}
		_ = w.Flush() // a strings.Builder does not fail
		if shown > 0 {
			line("%s\n%s", heading, strings.TrimRight(b.String(), "\n"))
			if more > 0 {
				line("  and %d more", more)
			}
			line("")
		}
	}
	if e.Omitted > 0 {
		line("And %s that this message has no room for: the log of the prune function names them.\n", count(e.Omitted, "state"))
	}
}

// cells are a state's columns in its table.
func cells(s policy.Stale) []string {
	path, since := Clean(s.Path, 300), "last written "+s.LastModified.UTC().Format(time.DateOnly)
	switch {
	case s.Abandoned():
		return []string{path, since, Resources(s)}
	case s.Fate == policy.Kept:
		return []string{path, since, string(s.Reason), Clean(s.Why, 300)}
	default:
		return []string{path, since, fmt.Sprintf("serial %d", s.Serial), "version " + or(Clean(s.VersionID, 100), "unknown")}
	}
}

// Resources says what a state manages: "14 resources: 9 aws_instance, 3 aws_vpc, 2 more".
func Resources(s policy.Stale) string {
	text := count(s.ManagedObjects, "resource")
	var parts []string
	others := s.ManagedObjects
	for _, t := range s.Types[:min(len(s.Types), 3)] {
		parts = append(parts, fmt.Sprintf("%d %s", t.Count, Clean(t.Type, 128)))
		others -= t.Count
	}
	if others > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%d more", others))
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}
