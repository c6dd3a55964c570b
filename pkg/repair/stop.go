package repair

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// stop answers that a repair ended under way. It returns what the repair wrote and what it left, in
// words; empty where it wrote nothing that is still there. A repair that AWS refused is then
// Changed: Refused would be taken for one that touched nothing.
func (w *work) stop(outcome Outcome, why string) (part string) {
	d := w.differences()
	message := ""
	switch others := strings.Join(d.others, "; "); {
	case len(d.wrote) > 0:
		part = fmt.Sprintf("%s. Written: %s. Left: %s", why, strings.Join(d.wrote, "; "), strings.Join(orNothing(d.left), "; "))
		message = "Stopped part way: " + part
		if others != "" {
			message += ". Written by somebody else meanwhile: " + others
		}
	case others != "":
		message = "Stopped: " + why + ". What is different: " + others
	default:
		message = "Stopped: " + why + ". Nothing is different from before"
	}
	w.answer.Message = message + "."
	w.answer.NextSteps = []string{"Find out which client writes this state without a lock, and let it end.", "Look again with a dry run, and repeat the repair if it is still right."}
	if outcome == Refused {
		w.answer.NextSteps = []string{"Look again with a dry run, and repeat the repair once AWS allows what it refused: it goes on."}
	}
	if w.answer.Outcome = outcome; part != "" {
		w.answer.Outcome = Changed
	}
	return part
}

// differences are what is different after a repair that stopped, and what it had still to do.
type differences struct{ wrote, others, left []string }

func (w *work) differences() (d differences) {
	before, after := w.answer.Before, w.answer.After
	goal := after.StateMD5 // that the digests are to be; empty: they are to go
	switch w.request.Action {
	case policy.AcceptState:
		goal = before.StateMD5
	case policy.DeleteDigest:
		goal = ""
	case policy.RestoreVersion:
		goal = w.target.md5
	}
	if before.StateMD5 != after.StateMD5 {
		if w.request.Action == policy.RestoreVersion && after.StateMD5 == goal {
			d.wrote = append(d.wrote, "the state, which is the one of version "+w.request.VersionID+" now")
		} else {
			d.others = append(d.others, "the state is another one than before")
		}
	}
	if w.request.Action == policy.RestoreVersion && after.StateMD5 != goal {
		d.left = append(d.left, "the state was not restored")
	}
	for _, name := range slices.Sorted(maps.Keys(before.Digests)) {
		was, now := before.Digests[name], after.Digests[name]
		if now != was {
			d.digest(w.request.Action, name, was, now, goal)
		}
		if now != goal {
			d.left = append(d.left, "the digest in "+name+" is "+orMissing(now))
		}
	}
	return d
}

// digest adds one digest that is different.
func (d *differences) digest(action policy.RepairAction, name, was, now, goal string) {
	switch {
	case now != "":
		text := fmt.Sprintf("the digest in %s is %s now, and was %s", name, orMissing(now), orMissing(was))
		if now == goal {
			d.wrote = append(d.wrote, text)
		} else {
			d.others = append(d.others, text)
		}
	case action == policy.DeleteDigest:
		d.wrote = append(d.wrote, "the digest in "+name+" was removed")
	case action == policy.RestoreVersion:
		d.wrote = append(d.wrote, fmt.Sprintf("the digest in %s, %s, was removed and does not belong to the state that is there: its clients only warn, and the next one that writes the state makes a new one", name, orMissing(was)))
	default:
		d.others = append(d.others, "the digest in "+name+" was removed")
	}
}

func orNothing(list []string) []string {
	if len(list) == 0 {
		return []string{"nothing"}
	}
	return list
}

// orMissing is a digest in words. In a row may be anything.
func orMissing(digest string) string {
	if digest == "" {
		return "missing"
	}
	return plain.Quoted(backend.BoundedDigest(digest))
}
