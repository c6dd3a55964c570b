package alert

import (
	"cmp"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Limits in characters of what somebody else wrote.
const (
	maxPath   = 1100
	maxText   = 120
	maxReason = 500
)

// Holder names who holds a lock, as it says itself, and the session that took it, as S3
// says.
func Holder(d policy.Description) string {
	who := named(d)
	if d.Witness == nil || d.Witness.Actor() == "" {
		return who
	}
	return who + " (" + Clean(d.Witness.Actor(), maxText) + ")"
}

// named is who holds a lock, as it says itself.
func named(d policy.Description) string {
	return cmp.Or(Quoted(Clean(d.Who, maxText)), "an unknown holder")
}

// stated is a state's path as a sentence has it.
func stated(path string) string { return Quoted(Clean(path, maxPath)) }

// removed says who removed a resolved lock, as S3 says.
func removed(r policy.Removal) string { return Clean(r.Words(), 2*policy.MaxPrincipal+maxText) }

// Operation names what the holder does: "apply" for OperationTypeApply.
func Operation(d policy.Description) string {
	name := Clean(strings.TrimPrefix(d.Operation, "OperationType"), maxText)
	switch d.Operation {
	case tflock.OperationPlan, tflock.OperationApply, tflock.OperationRefresh:
		return strings.ToLower(name)
	case "OperationTypeInvalid":
		return "import or console"
	}
	return cmp.Or(Quoted(name), "unknown")
}

// Run says whether the lock's run is alive, as the end of a sentence.
func Run(l policy.Liveness) string {
	switch l {
	case policy.PossiblyLive:
		return "its run may be alive"
	case policy.LikelyOrphan:
		return "its run is likely dead"
	case policy.RunOver:
		return "its run has ended"
	default:
		return "it is not known whether its run is alive"
	}
}

// Place says which tables and buckets a lock is stored in: their names, where the
// description has them, else their kinds.
func Place(d policy.Description) string {
	var places []string
	for _, arn := range d.Stores {
		places = append(places, storeName(arn))
	}
	if len(places) == 0 {
		for _, kind := range d.Holdings {
			places = append(places, map[bool]string{true: "a lock table", false: "a state bucket"}[kind == tflock.DynamoDB])
		}
	}
	return cmp.Or(strings.Join(places, " and "), "an unknown place")
}

// storeName is how people call a table or bucket: "table locks (eu-west-1)", "bucket
// states".
func storeName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return Clean(arn, 300)
	}
	region, resource := parts[3], parts[5]
	if name, ok := strings.CutPrefix(resource, "table/"); ok {
		return Clean("table "+name+" ("+region+")", 300)
	}
	return Clean("bucket "+resource, 300)
}

// asker names who asked for a release.
func asker(r Release) string { return cmp.Or(Clean(r.RequestedBy, maxText), "an unnamed caller") }

// because is the reason that was given for a release, as a sentence of its own.
func because(r Release) string {
	if reason := Clean(r.Reason, 300); reason != "" {
		return " Reason: " + withFullStop(reason)
	}
	return " No reason was given."
}

// withFullStop ends a text with a full stop, once; a question needs none.
func withFullStop(text string) string {
	text = strings.TrimRight(text, ". ")
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// under lists prefixes with their counts: "a (12), b (3) and 4 more prefixes".
func under(prefixes []Prefix, limit int) string {
	var names []string
	for _, p := range prefixes[:min(len(prefixes), limit)] {
		names = append(names, Quoted(Clean(p.Prefix, 100))+" ("+count(p.Locks, "lock", "locks")+")")
	}
	if more := len(prefixes) - limit; more > 0 {
		names = append(names, count(more, "more prefix", "more prefixes"))
	}
	return listed(names)
}

// listed joins words as a sentence does: "a, b and c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
