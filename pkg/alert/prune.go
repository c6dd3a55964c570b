package alert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxDetails bounds the errors of a prune that a message names.
const maxDetails = 10

// PruneReport is what one prune did.
type PruneReport struct {
	States     []policy.Stale // what is worth a line, at most as many as the caller keeps
	Pruned     int            // all of them, listed or not
	WouldPrune int            // all that would have been, with PruneMode=report
	Kept       int            // abandoned ones included
	Abandoned  int
	Errors     []string // what could not be done
}

// Prune makes the event of a prune. What still manages resources comes first: someone
// pays for it.
func (c Composer) Prune(r PruneReport, now time.Time) Event {
	e := c.event(PruneReported, Info, now)
	e.Prune = &PruneCounts{Pruned: r.Pruned, WouldPrune: r.WouldPrune, Kept: r.Kept, Abandoned: r.Abandoned}
	e.States = inTurns(r.States)
	e.Omitted = r.Pruned + r.WouldPrune + r.Kept - len(r.States)
	for _, problem := range r.Errors[:min(len(r.Errors), maxDetails)] {
		e.Details = append(e.Details, Clean(problem, 600))
	}
	if more := len(r.Errors) - maxDetails; more > 0 {
		e.Details = append(e.Details, fmt.Sprintf("and %d more, see the log of the prune function", more))
	}
	if r.Abandoned > 0 {
		e.Severity = Warning
		e.Steps = append(e.Steps, "Make sure that no other state manages the same: one that was moved leaves a copy, and what a copy names is in use. Then destroy what these states still manage. To keep one on purpose, exclude its path in PrunePaths, or tag its state object lockwarden:keep (a client that writes the state drops the tag, unless state_tags of OpenTofu sets it).")
	}
	if len(r.Errors) > 0 {
		e.Severity, e.Links.Runbook = Warning, runbook("prune-errors")
	}
	switch {
	case r.Pruned == 0:
	case c.PruneFunction == "": // outside of AWS
		e.Steps = append(e.Steps, "To bring a pruned state back, give its path to the prune function as restore.")
	default:
		step := "To bring a pruned state back, put its path in place of BUCKET/KEY in the command below (AWS CLI v2)."
		if slices.ContainsFunc(r.States, func(s policy.Stale) bool { return !plainPath(string(s.Path)) }) {
			step += " Never put a path with quotation marks or other shell characters there: press Restore beside that state on the dashboard."
		}
		e.Steps = append(e.Steps, step)
		e.Actions.Restore = c.invoke(c.PruneFunction, pruneTimeout, struct {
			Restore string `json:"restore"`
		}{"BUCKET/KEY"})
	}
	e.Subject, e.Text = pruneSubject(r), pruneText(e, len(r.Errors))
	return e
}

// inTurns orders states by their rank, and those of one rank by their folders in turn, since the first ones are
// what is left when there is no room for all.
func inTurns(states []policy.Stale) []policy.Stale {
	var ranks [3][]policy.Stale
	for _, s := range states {
		ranks[rank(s)] = append(ranks[rank(s)], s)
	}
	for i, s := range ranks {
		ranks[i] = tflock.InTurns(s, func(s policy.Stale) tflock.Path { return s.Path })
	}
	return slices.Concat(ranks[:]...)
}

func pruneSubject(r PruneReport) string {
	text := fmt.Sprintf("stale states: %s, %d kept", fates(r.Pruned, r.WouldPrune), r.Kept)
	if r.Abandoned > 0 {
		text += fmt.Sprintf(" (%d of them abandoned)", r.Abandoned)
	}
	if len(r.Errors) > 0 {
		text += ", " + count(len(r.Errors), "error", "errors")
	}
	return clippedSubject(text)
}

func fates(pruned, would int) string {
	switch {
	case would == 0:
		return fmt.Sprintf("%d pruned", pruned)
	case pruned == 0:
		return fmt.Sprintf("%d would be pruned", would)
	default:
		return fmt.Sprintf("%d pruned, %d would be pruned", pruned, would)
	}
}

// pruneText names the first states that someone still pays for.
func pruneText(e Event, errors int) string {
	n, text := *e.Prune, ""
	if n.Abandoned > 0 {
		var names []string
		for _, s := range e.States {
			if s.Abandoned() && len(names) < 3 {
				names = append(names, fmt.Sprintf("%s (%s)", Quoted(Clean(string(s.Path), 300)), count(s.ManagedObjects, "resource", "resources")))
			}
		}
		if more := n.Abandoned - len(names); more > 0 && len(names) > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		text = count(n.Abandoned, "stale state still manages", "stale states still manage") + " infrastructure, and someone pays for it"
		if len(names) > 0 {
			text += ": " + listed(names)
		}
		text += ". "
	}
	text += fmt.Sprintf("%s in all: %s, %d kept.", count(n.Pruned+n.WouldPrune+n.Kept, "stale state", "stale states"), fates(n.Pruned, n.WouldPrune), n.Kept)
	if errors > 0 {
		text += " " + count(errors, "error", "errors") + ", listed below."
	}
	return text
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

// StateGroup is the states of a prune's event that had the same end.
type StateGroup struct {
	Heading string
	States  []policy.Stale
}

// StateGroups returns the listed states of a prune by their outcome, the ones that
// someone pays for first. None of the groups is empty.
func (e Event) StateGroups() []StateGroup {
	groups := []StateGroup{
		{Heading: "Stale, and still managing infrastructure"}, {Heading: "Pruned"}, {Heading: "Would be pruned"}, {Heading: "Kept"},
	}
	for _, s := range e.States {
		at := 3
		switch {
		case s.Abandoned():
			at = 0
		case s.Fate == policy.WouldPrune:
			at = 2
		case s.Fate != policy.Kept:
			at = 1
		}
		groups[at].States = append(groups[at].States, s)
	}
	return slices.DeleteFunc(groups, func(g StateGroup) bool { return len(g.States) == 0 })
}

// StateLine says what is known of a state of a prune, without its path.
func StateLine(s policy.Stale) string {
	since := "last written " + s.LastModified.UTC().Format(time.DateOnly)
	switch {
	case s.Abandoned():
		return since + ", " + Resources(s)
	case s.Fate == policy.Kept:
		return since + ", " + cmp.Or(Clean(s.Why, 300), Clean(string(s.Reason), 100))
	default:
		return since + fmt.Sprintf(", serial %d", s.Serial)
	}
}

// Resources says what a state manages: "14 resources: 9 aws_instance, 3 aws_vpc, 2 more".
func Resources(s policy.Stale) string {
	text := count(s.ManagedObjects, "resource", "resources")
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
