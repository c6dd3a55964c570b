package alert

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// maxSubject is what SNS takes: less than 100 characters.
const maxSubject = 99

// subject of one lock says what happened and how old it is, then the state, the holder
// and whether its run is alive. A long path loses its beginning.
func lockSubject(e Event) string {
	f, held := *e.Lock, policy.Words(e.Lock.Held())
	what, about := "", []string{clippedHolder(f), "run " + f.Evidence.Liveness.Words()}
	switch e.Type {
	case LockStuck:
		what = "stuck " + held
	case LockReminder:
		what = "still stuck, " + held
	case LockResolved:
		what, about = "gone after "+held, about[:1]
		if e.Current != nil {
			about = append(about, "locked again")
		}
	case LockUnreadable:
		what, about = "unreadable lock, "+held, nil
	case LockReleasePlanned:
		what = "release planned, held " + held
		if e.Plan.Mode != policy.AutoRelease {
			what = "could be released, held " + held
		}
	case LockReleased:
		what = map[Outcome]string{Whole: "released after ", Partly: "released IN PART after ", Gone: "gone after ", Unknown: "perhaps released after "}[e.Release.Outcome] + held
	case LockRefused:
		what = "NOT released, held " + held
	}
	if e.Severity == Critical {
		what = "CRITICAL " + what
	}
	end := ""
	if len(about) > 0 {
		end = " (" + strings.Join(about, ", ") + ")"
	}
	return subject(what, f.Path, end)
}

// clippedHolder leaves room for the path.
func clippedHolder(d policy.Description) string {
	who := ascii(cmp.Or(Clean(d.Who, maxText), "an unknown holder"))
	if d.Who == "" || len(who) <= 24 {
		return who
	}
	return who[:21] + "..."
}

// sharedSubject has the oldest one's age and the prefixes, as many as fit.
func sharedSubject(e Event) string {
	what := map[Type]string{
		LockStuck: "locks stuck", LockReminder: "locks still stuck", LockResolved: "stuck locks gone", LockUnreadable: "unreadable locks", LockReleasePlanned: "releases planned",
	}[e.Type]
	if e.Plan != nil && e.Plan.Mode != policy.AutoRelease {
		what = "locks could be released"
	}
	mark := ""
	if e.Severity == Critical {
		mark = "CRITICAL "
	}
	most := maxSubject
	if len(e.Prefixes) > 1 {
		most = 20 // a long name would take the place of the others, and whoever takes the oldest lock chooses the first
	}
	var names []string
	for _, p := range e.Prefixes {
		names = append(names, fmt.Sprintf("%s (%d)", tail(ascii(Clean(p.Prefix, maxPath)), most), p.Locks))
	}
	if oldest := oldestOf(e.Locks); oldest != nil {
		what += ", oldest " + policy.Words(oldest.Held())
	}
	return clippedSubject(fmt.Sprintf("%s%d %s: ", mark, len(e.Locks)+e.Omitted, what) + strings.Join(names, ", "))
}

// subject puts a path, cut at its beginning if need be, between what happened and the
// rest.
func subject(what, path, end string) string {
	start := "[Lockwarden] " + what + ": "
	return ascii(start + tail(ascii(Clean(path, maxPath)), maxSubject-len(start)-len(end)) + end)
}

// clippedSubject cuts at the end.
func clippedSubject(text string) string {
	text = ascii(Clean("[Lockwarden] "+text, 2*maxSubject))
	if len(text) > maxSubject {
		text = text[:maxSubject-3] + "..."
	}
	return text
}
