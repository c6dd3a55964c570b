package main

import (
	"os/exec"
	"strings"
	"testing"
)

const liveID = "78007e4f-7284-5b8c-b34c-620445a03e9c"

// A copy of a live lock's ID is stored under a key that goes on with options. Who puts its choice into a command without quotes names no other lock by
// it, and forces nothing.
func TestAChoiceHasNoOptions(t *testing.T) {
	w := newWorld(t)
	live := w.lock("production/terraform.tfstate", liveID, "live@production")
	bucket, _, _ := strings.Cut(live, "/")
	for _, options := range []string{" --path=" + live + " --force --yes --reason=dead", " {--path=" + live + ",--force,--yes,--reason=dead}"} {
		w.lock("team-x/a"+options, liveID, "me@x")
		code, out, errs := w.run("", "unlock", liveID)
		w.want(exitAmbiguous, code, out, errs, "Choice")
		_, choice, _ := strings.Cut(out, `{"path":"`+bucket+"/team-x/")
		choice, _, _ = strings.Cut(choice, `"`)
		code, out, errs = w.run("", w.words("unlock "+liveID+" --path "+bucket+"/team-x/"+choice)...)
		if strings.Contains(out, "Released: ") || code == 0 {
			t.Errorf("exit code %d\n%s\n%s", code, out, errs)
		}
		w.unlock("team-x/a" + options)
	}
}

// An ID goes on with options, too. The list of the locks warns of it, also where something stands for the blanks.
func TestAListWarnsOfNamesWithOptions(t *testing.T) {
	w := newWorld(t)
	live := w.lock("production/terraform.tfstate", liveID, "live@production")
	const says = "Never paste a path or ID with blanks"
	for _, blank := range []string{" ", "$IFS"} {
		code, out, errs := w.run("", "locks")
		w.want(0, code, out, errs, "production")
		if strings.Contains(out, says) {
			t.Errorf("for plain names: %s", out)
		}
		options := strings.Join([]string{"", "--path=" + live, "--force", "--yes", "--reason=dead"}, blank)
		w.lock("team-x/a", liveID+options, "me@x")
		code, out, errs = w.run("", "locks")
		w.want(0, code, out, errs, says)
		w.unlock("team-x/a")
	}
}

// A text that has a live lock's ID and another path is asked about, with words that warn of that path.
func TestAPathOfATextIsWarnedOf(t *testing.T) {
	w := newWorld(t)
	live := w.lock("production/terraform.tfstate", liveID, "live@production")
	bucket, _, _ := strings.Cut(live, "/")
	path := bucket + "/team-x/a$IFS--path=" + live + "$IFS--force$IFS--yes$IFS--reason=dead"
	code, out, errs := w.run("Lock Info:\n  ID:        "+liveID+"\n  Path:      "+path+"\n", "unlock", "-", "--dry-run")
	w.want(exitAmbiguous, code, out, errs, "the text is about")
	if !strings.Contains(out, "Never paste that name") {
		code, out, errs = w.run("", w.words("unlock "+liveID+" --path "+path)...)
		t.Errorf("the text's path has no warning, and in a command: exit code %d\n%s\n%s", code, out, errs)
	}
}

// words are those that a shell makes of a line.
func (w *world) words(line string) []string {
	w.Helper()
	out, err := exec.CommandContext(w.Context(), "bash", "--noprofile", "--norc", "-c", `printf '%s\0' `+line).Output()
	if err != nil {
		w.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}
