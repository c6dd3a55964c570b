package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Repair is what a repair did to a state.
type Repair struct {
	Path        string                 `json:"path"`
	Action      policy.RepairAction    `json:"action"`
	VersionID   string                 `json:"version_id,omitempty"` // that was restored
	RequestedBy string                 `json:"requested_by"`         // what the caller said; empty: nothing
	Reason      string                 `json:"reason"`
	Before      policy.StateAndDigests `json:"before"`
	After       policy.StateAndDigests `json:"after"`
	Stopped     string                 `json:"stopped,omitempty"` // it stopped part way: why, what it wrote, and what is left
}

// Repaired makes the event of a state that was repaired.
func (c Composer) Repaired(r Repair, now time.Time) Event {
	severity := Info
	if r.Action == policy.RestoreVersion { // what was applied since is not in the state any more
		severity = Warning
	}
	e := c.event(StateRepaired, severity, now)
	r.RequestedBy, r.Reason = Clean(r.RequestedBy, maxText), Clean(r.Reason, 1000)
	r.Before, r.After = withShortDigests(r.Before), withShortDigests(r.After)
	e.Repair = &r
	if r.Stopped != "" {
		r.Stopped = Clean(r.Stopped, 2000)
		e.Severity = Warning
		e.Subject = subject("state repaired IN PART", r.Path, "")
		e.Text = fmt.Sprintf("State %s was repaired in part by %s: the repair stopped: %s. Reason: %s.", Quoted(Clean(r.Path, 600)), cmp.Or(r.RequestedBy, "somebody who gave no name"), r.Stopped, cmp.Or(r.Reason, "none given"))
		e.Steps = []string{"Look at the repair again with a dry run, and repeat it: it goes on where it stopped.", "Clients can read the state meanwhile unless a digest that is left is wrong."}
		return e
	}
	e.Subject = subject("state repaired: "+repairDone[r.Action], r.Path, "")
	e.Text = fmt.Sprintf("State %s was repaired by %s: %s. Reason: %s.", Quoted(Clean(r.Path, 600)), cmp.Or(r.RequestedBy, "somebody who gave no name"), repairDone[r.Action], cmp.Or(r.Reason, "none given"))
	e.Steps = []string{"Run a plan on this state before anything else is applied."}
	if r.Action == policy.RestoreVersion && r.Before.VersionID != "" {
		e.Steps = append(e.Steps, "What was created after the restored version is not in the state any more: find it and import it. The state that was replaced is version "+Clean(r.Before.VersionID, 200)+".")
	}
	return e
}

// longestDigest is twice what a digest has. In a row may be anything.
const longestDigest = 64

func withShortDigests(f policy.StateAndDigests) policy.StateAndDigests {
	f.Digests = maps.Clone(f.Digests)
	for table, digest := range f.Digests {
		f.Digests[table] = Clean(digest, longestDigest)
	}
	return f
}

// repairDone says in words what each action did.
var repairDone = map[policy.RepairAction]string{
	policy.AcceptState:    "its digest is that of the state again",
	policy.DeleteDigest:   "a leftover digest was removed",
	policy.RestoreVersion: "an older version is the newest again",
}

// RepairLines are the facts before and after a repair.
func RepairLines(e Event) []string {
	if e.Repair == nil {
		return nil
	}
	r := *e.Repair
	lines := []string{"Before: " + stateFacts(r.Before), "After: " + stateFacts(r.After)}
	if r.VersionID != "" {
		lines = append(lines, "Restored from version "+Clean(r.VersionID, 200))
	}
	return lines
}

func stateFacts(f policy.StateAndDigests) string {
	text := "no state"
	if f.StateMD5 != "" {
		text = "state with MD5 " + Clean(f.StateMD5, 64)
		if f.Serial != nil {
			text += fmt.Sprintf(", serial %d", *f.Serial)
		}
		if f.VersionID != "" {
			text += ", version " + Clean(f.VersionID, 200)
		}
	}
	if len(f.Digests) == 0 {
		return text + "; no digest"
	}
	const shown = 3
	tables := slices.SortedFunc(maps.Keys(f.Digests), cmp.Compare[string])
	for _, table := range tables[:min(len(tables), shown)] {
		text += fmt.Sprintf("; digest %s in %s", Quoted(Clean(f.Digests[table], longestDigest)), Clean(table, 300))
	}
	if more := len(tables) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
