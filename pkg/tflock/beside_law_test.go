//go:build !race

package tflock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever makes a text for others has a lock of their own, with an ID and under a path of their choice. The
// texts below are composed from what shows that lock to people, and from what names production's: whoever
// composes them knows what is in them, and needs no parser for it. Whether the own lock is held, gone or
// unreadable makes no difference, since nobody looks for it.

// ownLock is the lock of a text's writer as the text shows it.
type ownLock struct{ id, path string }

func rarely(t *rapid.T, name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }

var anOwnLock = rapid.Custom(func(t *rapid.T) ownLock {
	hex := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(t, "hex")
	id := rapid.SampledFrom([]string{hex, hex[:35], hex + "0", strings.ToUpper(hex), noDigits, "lock-of-a-team", "run-7781-42", "a1b2c3d4e5f6", "team_lock_7", hex[:8] + "." + hex[9:13] + "." + hex[14:18]}).Draw(t, "id")
	if rarely(t, "changed") { // as it comes out of a hostile hand, or a terminal
		at := rapid.IntRange(3, len(id)-3).Draw(t, "at")
		sign := rapid.SampledFrom([]string{"\u200b", "\u00ad", "\u034f", "\ufe0f", "\x1b[1m", "\x00", "\b", "\u0430", "\u2212", "\n", "\t", "<b>", "&#45;", "\\n", "%0A"}).Draw(t, "sign")
		id = id[:at] + sign + id[at:]
	}
	return ownLock{id: id, path: rapid.SampledFrom([]string{"b/a-team/x", "b/a-team/terraform.tfstate", "other-bucket/a/x", "b/prod/x2", "b/prod/x/y", "b/../b/a/x"}).Draw(t, "path")}
})

// showings are ways in which a text shows a lock to people: %[1]s is its ID, %[2]s its path.
var showings = []string{
	"Lock ID %[1]s of %[2]s (stuck since 09:12, runner@fv-az1)", "the lock %[1]s is stuck", "%[1]s is stuck, please help", "%[1]s", "- %[1]s", "it is %[1]s!", "(%[1]s)", "`%[1]s`",
	"Lock Info:\n  ID:        %[1]s\n  Path:      %[2]s\n  Operation: OperationTypeApply\n  Who:       me@host\n", "lock info\n id = %[1]s\n path = %[2]s\n", "Lock Info: ID: %[1]s Path: %[2]s Operation: x",
	"ID: %[1]s", "ID - %[1]s", "id %[1]s", "terraform force-unlock %[1]s", "tofu force-unlock -force %[1]s", `{"ID":"%[1]s","Path":"%[2]s"}`, `{"ID":"%[1]s"}`, `["%[1]s"]`, `{"lock":{"id":"%[1]s","state":"%[2]s"}}`,
	`{"ID":"%[1]s","Who":"\q"}`, `{"msg":"lock %[1]s of %[2]s"}`, `{"lock_id":"%[1]s","path":"%[2]s"}`, "lock_id=%[1]s", "State:      %[2]s\nHeld by:    me@host\nLock ID:    %[1]s\n", "%[2]s\nID %[1]s\nme@host",
	"STATE  VERDICT  HELD  BY  RUN  LOCK ID\n%[2]s  stuck  45m  me  likely dead  %[1]s\n", "| %[2]s | %[1]s | a|b |", "<td>%[1]s</td>", "<!-- %[1]s -->", "<a href=\"%[1]s\">here</a>", "Held by: me, Lock ID %[1]s",
	"Who: the lock %[1]s", "Operation: on %[2]s", "State = %[2]s", "Stack: %[2]s", "state: %[2]s", "s3://%[2]s.tflock is stuck", "The lock of %[2]s is stuck.", "::error title=%[2]s::", "%[2]s", "see %[2]s.", "working-dir: b/a-team/x",
	"On Monday, the lock %[1]s, me wrote:", "conflict: the same state is also locked by %[1]s", "Locked now: by me, apply, lock ID %[1]s", "Lock ID payroll", "terraform force-unlock payroll",
	"the state of the payroll team", "key: payroll", "lock: payroll", "Path: payroll", `{"lock":{"name":"payroll"}}`, `{"locked":"payroll"}`,
}

// namings are texts that name production's lock, each a form of its own.
var namings = []string{
	"Lock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n  Operation: OperationTypeApply\n  Who:       ana@laptop\n  Version:   1.11.4\n  Created:   2026-11-21 09:14:55.120394 +0000 UTC\n  Info:      \n",
	"terraform force-unlock " + other + "\n", `{"lock_id":"` + other + `","path":"b/prod/x"}` + "\n", `{"ID":"` + other + `","Path":"b/prod/x"}` + "\n", "lock_id=" + other + "\n",
	"State:      b/prod/x\nHeld by:    ana@laptop\nLock ID:    " + other + "\n", "- b/prod/x: ana, held for 45m, stuck, ID " + other + "\n", "b/prod/x\nID " + other + "\n",
	"STATE  VERDICT  HELD  BY  RUN  LOCK ID\nb/prod/x  stuck  45m  ana  likely dead  " + other + "\n",
}

// printed is what clients and CI systems print around an error.
var printed = []string{
	"", "Error: Error acquiring the state lock", "Acquiring state lock. This may take a few moments...", "Process completed with exit code 1.", "Initializing the backend...",
	"Terraform acquires a state lock to protect the state from being written", "$ terraform apply -auto-approve", "Cleaning up project directory and file based variables",
}

// said is what people write beside what they paste.
var said = []string{"is anybody at work on this?", "hello, it fails again", "> ", "```", "2026-11-21T09:20:00.120Z", "since 09:12", "yes, mine"}

func lines(t *rapid.T, name string, of ...string) string {
	var b strings.Builder
	for _, one := range rapid.SliceOfN(rapid.SampledFrom(of), 0, 4).Draw(t, name) {
		b.WriteString(one + "\n")
	}
	return b.String()
}

// wrappingNames are those that keep a text whole.
func wrappingNames() []string {
	var names []string
	for name := range wrappings {
		if !slices.Contains([]string{"cut behind the path", "the block alone", "the block's lines alone", "two lines of the block", "another unit's lines between", "a bold heading", "colours lost, on some lines"}, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Production's lock is not released by a text that shows the lock of its writer: whatever that lock is called,
// however it is shown, wherever the other one is hidden, and whatever the whole is wrapped in.
func TestNoTextThatShowsTwoLocksReleasesTheHiddenOne(t *testing.T) {
	t.Parallel()
	names, noise := wrappingNames(), slices.Concat(printed, said)
	rapid.Check(t, func(t *rapid.T) {
		mine := anOwnLock.Draw(t, "own")
		shown := fmt.Sprintf(rapid.SampledFrom(showings).Draw(t, "showing")+"%.0[1]s%.0[2]s", mine.id, mine.path)
		named := rapid.SampledFrom(namings).Draw(t, "naming")
		switch rapid.IntRange(0, 4).Draw(t, "hiding") {
		case 0:
			named = "module.x: Refreshing state...\nstate=" + named
		case 1:
			named = "<!-- " + named + " -->"
		case 2:
			named = strings.Repeat("\n", 200) + named
		case 3:
			named = asJSON(map[string]string{"msg": named}) + "\n"
		}
		parts := []string{shown + "\n", named}
		if rapid.Bool().Draw(t, "hidden above") {
			slices.Reverse(parts)
		}
		text := lines(t, "above", noise...) + parts[0] + lines(t, "between", noise...) + parts[1] + lines(t, "below", noise...)
		if rapid.Bool().Draw(t, "wrapped") {
			text = wrappings[rapid.SampledFrom(names).Draw(t, "wrapping")](text)
		}
		if released, _ := releases(text); released {
			t.Fatalf("%q in it is not seen:\n%q", shown, text)
		}
	})
}

var aHolder = rapid.Custom(func(t *rapid.T) tflock.Info {
	who := rapid.SampledFrom([]string{
		`CORP\svc$deploy@BUILD-12`, "runner@fv-az1245-345", "root@ip-10-0-3-77.eu-central-1.compute.internal", "jenkins@apply-7f9c4b8d6c-x2x9p", "Ana Maria@laptop", "root@runner-abc123-project-42-concurrent-0",
		rapid.StringMatching(`us[a-z]{2,7}@ho[a-z]{2,7}(-[0-9][0-9a-z]{1,5}){0,3}`).Draw(t, "made up"),
	}).Draw(t, "who")
	operation := rapid.SampledFrom([]string{"OperationTypeApply", "OperationTypePlan", "OperationTypeRefresh", "OperationTypeInvalid", "init", "migration source state"}).Draw(t, "operation")
	version := rapid.SampledFrom([]string{"1.5.7", "1.11.4", "1.15.0", "1.12.6-dev", "1.10.0-rc1"}).Draw(t, "version")
	return tflock.Info{ID: pastedID, Path: pastedPath, Operation: operation, Who: who, Version: version}
})

// A client's error about one lock asks no question: whoever holds it, whatever the error is wrapped in, and with
// what clients and CI systems print around it.
func TestAClientsErrorAloneIsUnderstood(t *testing.T) {
	t.Parallel()
	names := wrappingNames()
	m := tflock.Meant{ID: pastedID, Paths: []string{pastedPath}, Buckets: []string{"acme-states"}}
	rapid.Check(t, func(t *rapid.T) {
		text := lines(t, "above", printed...) + clientError(aHolder.Draw(t, "holder")) + lines(t, "below", printed...)
		wrapping := rapid.SampledFrom(names).Draw(t, "wrapping")
		text = wrappings[wrapping](text)
		marks := []string{"> ", "```", "2026-11-21T09:20:00.120Z", "yes, mine"}
		if slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return len(line) > 500 }) { // a long line is read where there is no other
			marks = marks[:3]
		}
		if wrapping != "a byte order mark" { // nothing stands before it
			text = lines(t, "marks", marks...) + text
		}
		ref, err := tflock.ParseReference(text)
		if err != nil {
			t.Fatalf("%s: %v of\n%s", wrapping, err, text)
		}
		if beside := m.Beside(text); beside != "" || ref.ID != pastedID {
			t.Fatalf("%s: %+v, %s is not understood of\n%s", wrapping, ref, beside, text)
		}
	})
}

// Whatever stands around a line that is about another lock: it is seen.
func FuzzBeside(f *testing.F) {
	for _, text := range slices.Concat(namings, printed, said) {
		f.Add(text, "")
		f.Add("", text)
	}
	for _, wrap := range wrappings {
		f.Add(wrap(pasted), wrap(pasted))
	}
	m := tflock.Meant{ID: other, Paths: []string{"b/prod/x"}, Buckets: []string{"b"}}
	f.Fuzz(func(t *testing.T, before, behind string) {
		beside := m.Beside(before + "\nLock ID: " + own + "\n" + behind)
		if beside == "" || len(beside) > 400 || strings.ContainsFunc(beside, unicode.IsControl) {
			t.Fatalf("%q", beside)
		}
	})
}
