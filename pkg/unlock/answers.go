package unlock

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// choices bounds how many states an ambiguous answer names.
const choices = 5

// ambiguous names the locks that may be meant, each as it can be pasted back.
func ambiguous(f found) Answer {
	hits := f.choices
	a := Answer{
		Outcome: Ambiguous, Released: []tflock.Kind{},
		Message:   fmt.Sprintf("Nothing was touched: %d states are locked with this ID, and the call does not say which one is meant.", len(hits)),
		NextSteps: []string{"Repeat the call with the path of the state that is meant, or give the whole error text to `lockwarden unlock -`, never between a shell's quotes: its Path line has it."},
	}
	switch {
	case f.textPath != "":
		a.Message = fmt.Sprintf("Nothing was touched: the text is about %s, and the lock with this ID is of another state.", plain.Quoted(f.textPath))
		a.NextSteps = []string{"If the other state's lock is meant, look whose it is, and repeat the call with its path." + plain.ShellWarning(f.textPath)}
	case f.beside != "":
		a.Message = fmt.Sprintf("Nothing was touched: the text names the lock %s, but %s in it is not understood, and may be about another lock.", idIn(hits[0].id), f.beside)
		a.NextSteps = []string{"If the lock below is the one that you read in the text, repeat the call with its ID and path. If not, find out who wrote the text."}
	case len(f.unread) > 0 && len(hits) == 1:
		a.Message = "Nothing was touched: one lock with this ID was found, but not everything could be searched, so it may be a copy of the one that is meant."
	case slices.ContainsFunc(hits, func(h hit) bool { return h.id != hits[0].id }) || len(hits) == 1:
		a.Message = "Nothing was touched: a lock has the whole text that you gave as its ID, so it is not clear which lock is meant."
	}
	if len(hits) > 1 {
		a.NextSteps = append(a.NextSteps, "No client makes an ID twice, so all but one of these are copies, which are younger than their original: the oldest of each prefix comes first.")
	}
	for _, h := range hits[:min(len(hits), choices)] {
		a.NextSteps = append(a.NextSteps, "Choice: "+choice(h))
	}
	if more := len(hits) - choices; more > 0 {
		a.NextSteps = append(a.NextSteps, fmt.Sprintf("%d more locks may be meant: look at who writes them.", more))
	}
	return a
}

// choice is the part of a payload that names one lock.
func choice(h hit) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct {
		Path   tflock.Path `json:"path"`
		LockID string      `json:"lock_id"`
	}{h.path, h.id}) // two strings always marshal
	return notShell.Replace(strings.TrimSpace(text.String()))
}

// notShell escapes, as JSON may, what ends the quotes of a shell (sh, PowerShell, cmd) or is a command in them: people put a
// choice into the payload of the command that they ran.
var notShell = strings.NewReplacer(
	"'", `\u0027`, "`", `\u0060`, "$", `\u0024`, "&", `\u0026`, "|", `\u007c`, "<", `\u003c`, ">", `\u003e`, "^", `\u005e`, "%", `\u0025`, "!", `\u0021`, ";", `\u003b`,
	" ", `\u0020`, // without quotes an option may begin behind it, such as --force or {--force,--yes}
	"‘", `\u2018`, "’", `\u2019`, "‚", `\u201a`, "‛", `\u201b`, // single quotes to PowerShell
)

// notFound says that the lock is not there, and how it went where an earlier call removed
// it and could not report that.
func notFound(ref tflock.Reference, finished []ledger.Recorded) Answer {
	where := "any watched table or bucket"
	if ref.Path != "" {
		where = "the state " + plain.Quoted(ref.Path)
	}
	a := Answer{
		Outcome: NotFound, Released: []tflock.Kind{},
		Message:   fmt.Sprintf("There is no lock %s on %s: it was released already, or it is in a table or bucket that is not watched.", idIn(ref.ID), where),
		NextSteps: []string{"Run the client's plan again: it either works, or shows the ID of the lock that is there now.", "If it still shows this ID, add its table or bucket to WatchTableArns or WatchBucketArns."},
	}
	for _, one := range finished {
		r := one.Release
		switch {
		case r.Any(ledger.HalfUnknown):
			a.Message = fmt.Sprintf("There is no lock %s on %s in any place that is watched and can be read. Whether all of it is gone is not known: %s asked for its release at %s, and %s.",
				idIn(one.Key.ID), plain.Quoted(one.Key.Path), cmp.Or(r.RequestedBy, "an unnamed caller"), policy.Clock(r.At), r.Why)
		case r.Any(ledger.HalfRemoved):
			a.Message = fmt.Sprintf("The lock on %s is gone: an earlier call for %s released it at %s.", plain.Quoted(one.Key.Path), cmp.Or(r.RequestedBy, "an unnamed caller"), policy.Clock(r.At))
		case r.Any(ledger.HalfGone):
			a.Message = fmt.Sprintf("The lock on %s is gone; whether by the release that %s asked for at %s or by its holder is not known.", plain.Quoted(one.Key.Path), cmp.Or(r.RequestedBy, "an unnamed caller"), policy.Clock(r.At))
		}
	}
	return a
}

// idIn is a lock's ID as a sentence has it: whoever takes a lock chooses its ID.
func idIn(id string) string { return plain.Quoted(tflock.BoundedID(id)) }

// anotherLock says that the lock is gone and that another one is there.
func anotherLock(winner string) (message string, steps []string) {
	holder := "another lock"
	if winner != "" {
		holder = "lock " + idIn(winner)
	}
	return fmt.Sprintf("The lock that you named is gone, and %s is there now. That one was not touched.", holder),
		[]string{"Somebody else is working on this state: ask them before you do anything.", "If that lock is stuck too, name its own ID, and the same path." + plain.ShellWarning(tflock.BoundedID(winner))}
}
