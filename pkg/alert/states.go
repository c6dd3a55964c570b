package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// problems are what is wrong with a state, in a few words, of one and of several.
var problems = map[policy.Problem]struct{ one, many string }{
	policy.FindingDigestMismatch:    {"digest mismatch", "digest mismatches"},
	policy.FindingDigestOrphan:      {"digest without a state", "digests without a state"},
	policy.FindingDuplicateResource: {"resource conflict between two states", "resource conflicts between two states"},
	policy.FindingLineageChanged:    {"changed lineage", "changed lineages"},
	policy.FindingSerialDecreased:   {"serial that went back", "serials that went back"},
	policy.FindingSerialReused:      {"serial used twice", "serials used twice"},
	policy.FindingMixedLocking:      {"state with mixed locking", "states with mixed locking"},
}

// ProblemWords says in a few words what is wrong with a state.
func ProblemWords(p policy.Problem) string { return cmp.Or(problems[p].one, Clean(string(p), 40)) }

// StateFindings makes the event of one or more findings that are new, or that are gone. Of
// each top-level prefix the first one comes before the others, since that is what is left
// when there is no room for all.
func (c Composer) StateFindings(t Type, findings []policy.StateFinding, now time.Time) Event {
	severity := Severity(policy.Worst(findings))
	if t == StateFindingResolved {
		severity = Info
	}
	e := c.event(t, severity, now)
	chosen := NewSelection[policy.StateFinding](len(findings))
	for _, f := range findings {
		chosen.Add(string(f.Path), f)
	}
	e.Findings = chosen.Items()
	e.Links.Runbook = runbook("state-findings")
	e.Subject, e.Text = findingSubject(e), findingText(e, chosen.Prefixes())
	if t == StateFinding {
		e.Steps = findingSteps(findings)
		if slices.ContainsFunc(findings, hasStrangePath) && slices.ContainsFunc(e.Steps, func(step string) bool { return strings.Contains(step, "BUCKET/KEY") }) {
			e.Steps = append(e.Steps, strangePath(e))
		}
	}
	return e
}

// ChooseFindings returns those findings that a list has room for: the first of each top-level prefix,
// then the first of all, so that many under one prefix hide none under another.
func ChooseFindings(findings []policy.StateFinding, room int) []policy.StateFinding {
	if len(findings) <= room {
		return findings
	}
	chosen := NewSelection[policy.StateFinding](room)
	for _, f := range findings {
		chosen.Add(string(f.Path), f)
	}
	return chosen.Items()
}

func findingSubject(e Event) string {
	mark := ""
	if e.Severity == Critical {
		mark = "CRITICAL "
	}
	if e.Type == StateFindingResolved {
		mark = "resolved: "
	}
	if len(e.Findings) == 1 {
		f := e.Findings[0]
		return subject(mark+ProblemWords(f.Type), string(f.Path), "")
	}
	return clippedSubject(mark + countProblems(e.Findings))
}

// findingText is the finding itself, or the counts and the first of many.
func findingText(e Event, prefixes []Prefix) string {
	first := Clean(e.Findings[0].Text, 2000)
	if len(e.Findings) == 1 {
		if e.Type == StateFindingResolved {
			f := e.Findings[0]
			return fmt.Sprintf("Resolved: %s, state %s, found at %s.", ProblemWords(f.Type), strings.Join(statedAll(f.All()), " and "), policy.Clock(f.Since))
		}
		return first
	}
	if e.Type == StateFindingResolved {
		return fmt.Sprintf("%d findings are gone: %s.", len(e.Findings), countProblems(e.Findings))
	}
	text := fmt.Sprintf("%d things are wrong with states: %s. The first: %s", len(e.Findings), countProblems(e.Findings), first)
	if len(prefixes) > 1 {
		var names []string
		for _, p := range prefixes[:min(len(prefixes), 40)] {
			names = append(names, fmt.Sprintf("%s (%d)", Quoted(Clean(p.Prefix, 100)), p.Locks))
		}
		if more := len(prefixes) - len(names); more > 0 {
			names = append(names, count(more, "more prefix", "more prefixes"))
		}
		text += " By prefix: " + listed(names) + "."
	}
	return text
}

// countProblems says how many findings there are of each type.
func countProblems(findings []policy.StateFinding) string {
	counts := map[policy.Problem]int{}
	var order []policy.Problem
	for _, f := range findings {
		if counts[f.Type]++; counts[f.Type] == 1 {
			order = append(order, f.Type)
		}
	}
	var parts []string
	for _, p := range order {
		words := problems[p]
		parts = append(parts, count(counts[p], cmp.Or(words.one, string(p)), cmp.Or(words.many, string(p))))
	}
	return listed(parts)
}

func statedAll(paths []tflock.Path) []string {
	var all []string
	for _, path := range paths {
		all = append(all, stated(string(path)))
	}
	return all
}

// shortly names the one or two states of a finding in a list.
func shortly(paths []tflock.Path) []string {
	var all []string
	for _, path := range paths {
		all = append(all, Quoted(clipTail(string(path), 300/len(paths))))
	}
	return all
}

var adviceOn = map[policy.Problem]string{
	policy.FindingDigestMismatch:    "Digest mismatch: make sure that no run is under way, and compare the versions. If the newest is right, begin with `lockwarden repair BUCKET/KEY accept_state --dry-run`; if an older one is, with `lockwarden repair BUCKET/KEY restore_version --version-id ID --dry-run`.",
	policy.FindingDigestOrphan:      "Digest without a state: if the state was deleted on purpose, begin with `lockwarden repair BUCKET/KEY delete_digest --dry-run`; if not, with `lockwarden repair BUCKET/KEY restore_version --version-id ID --dry-run`.",
	policy.FindingDuplicateResource: "Resources in two states: decide which state keeps each, and remove it from the other without destroying it.",
	policy.FindingLineageChanged:    "Another lineage: if nobody replaced the state on purpose, begin with `lockwarden repair BUCKET/KEY restore_version --version-id ID --dry-run` and the former version's ID.",
	policy.FindingSerialDecreased:   "Serial went back: if nobody pushed an older state on purpose, compare both versions and begin with `lockwarden repair BUCKET/KEY restore_version --version-id ID --dry-run` and the former one's ID.",
	policy.FindingSerialReused:      "Serial used twice: compare both versions. Resources that only the former one has are no longer managed: import them.",
	policy.FindingMixedLocking:      "Clients that do not exclude each other: stop applies on the state until all its clients have the same lock settings.",
}

// isAdvice reports whether a step is one of adviceOn.
func isAdvice(step string) bool {
	return slices.Contains(slices.Collect(maps.Values(adviceOn)), step)
}

// strangePath goes with a command of advice where a path that people would put into it is not plain.
func strangePath(e Event) string {
	const warning = "Never put a path with quotation marks or other shell characters into a command"
	if e.Links.Dashboard == "" { // outside of AWS
		return warning + "."
	}
	return warning + ": use the page of states on the dashboard."
}

// findingSteps are what to do, once for each type.
func findingSteps(findings []policy.StateFinding) []string {
	var steps []string
	seen := map[policy.Problem]bool{}
	for _, f := range findings {
		if advice := adviceOn[f.Type]; advice != "" && !seen[f.Type] {
			seen[f.Type] = true
			steps = append(steps, advice)
		}
	}
	return steps
}

func hasStrangePath(f policy.StateFinding) bool {
	return slices.ContainsFunc(f.All(), func(path tflock.Path) bool { return !plainPath(string(path)) })
}

// FindingLines say what there is to say of a finding of an event: what it is where there are
// several, and its evidence where there is one.
func FindingLines(e Event, f policy.StateFinding) []string {
	if len(e.Findings)+e.Omitted > 1 {
		return []string{ProblemWords(f.Type) + ", " + strings.Join(shortly(f.All()), " and ") + ": " + Clean(f.Text, 300)}
	}
	if e.Type == StateFindingResolved {
		return nil
	}
	return evidenceLines(f.Evidence)
}

func evidenceLines(e policy.StateEvidence) []string {
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, label+": "+Clean(text, 2100))
		}
	}
	said := func(text string) string { return Quoted(Clean(text, 2100)) }
	if e.Table != "" {
		add("in", storeName(e.Table))
	}
	add("digest", said(e.Digest))
	add("MD5 of the state", e.StateMD5)
	if e.VersionTime != nil {
		add("the digest's version", versionLine(e.VersionID, *e.VersionTime, e.WrittenBy))
	}
	if e.CurrentTime != nil {
		add("the newest version", versionLine(e.CurrentID, *e.CurrentTime, e.CurrentBy))
	}
	if e.UnreadSince != nil {
		add("written without it since", policy.Clock(*e.UnreadSince))
	}
	for _, row := range e.Rows {
		add("the table has it as", said(string(row)))
	}
	for _, v := range []struct {
		label   string
		version *policy.StateVersion
	}{{"before", e.Before}, {"after", e.After}} {
		if v.version != nil {
			add(v.label, changedLine(*v.version))
		}
	}
	for _, o := range e.Resources {
		add(o.Type, strings.TrimSpace(said(cmp.Or(o.ARN, o.ID))+" "+said(o.Region)))
	}
	if more := e.Count - len(e.Resources); more > 0 {
		add("and", count(more, "more resource", "more resources"))
	}
	for _, s := range e.Locking {
		add("locks by "+Clean(string(s.Locking), 20), fmt.Sprintf("%d, from %s to %s", s.Locks, policy.Clock(s.First), policy.Clock(s.Last)))
	}
	return lines
}

func versionLine(id string, at time.Time, session string) string {
	text := policy.Clock(at)
	if id != "" {
		text += ", " + id
	}
	if session != "" {
		text += ", by " + session
	}
	return text
}

func changedLine(v policy.StateVersion) string {
	text := versionLine(v.VersionID, v.LastModified, v.WrittenBy)
	if v.Serial != nil {
		text += fmt.Sprintf(", serial %d", *v.Serial)
	}
	if v.Lineage != "" {
		text += ", lineage " + Quoted(Clean(v.Lineage, maxText))
	}
	return text
}

// findings lists what was found.
func (l *letter) findings(e Event) {
	for _, f := range e.Findings {
		for _, line := range FindingLines(e, f) {
			l.line("- %s", line)
		}
	}
	if len(e.Findings) > 0 && e.Omitted > 0 {
		l.line("- and %d more, see findings.ndjson in the report bucket", e.Omitted)
	}
}

// fitFindings keeps the first findings that there is room for. The first 20 lose the names of
// their resources where these are too large.
func fitFindings(findings []policy.StateFinding, room int) []policy.StateFinding {
	if kept := fitting(findings, room); len(kept) == len(findings) {
		return kept
	}
	leading := min(len(findings), prefixesListed)
	var kept []policy.StateFinding
	for i, f := range findings {
		if i < leading {
			f = slim(f, room/(leading-i))
		}
		size := escapedSize(f) + 1
		if size > room {
			break
		}
		room -= size
		kept = append(kept, f)
	}
	return kept
}

// slim takes from a finding that is larger than its share what is missed least.
func slim(f policy.StateFinding, share int) policy.StateFinding {
	for len(f.Evidence.Resources) > 0 && escapedSize(f) >= share {
		f.Evidence.Resources = f.Evidence.Resources[:len(f.Evidence.Resources)-1]
	}
	if escapedSize(f) >= share {
		f.Evidence.Locking, f.Evidence.Rows = nil, nil
		f.Text = Clean(f.Text, 300)
	}
	return f
}
