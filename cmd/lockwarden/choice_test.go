package main

import (
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
	w.lock("team-x/a --path="+live+" --force --yes --reason=dead", liveID, "me@x")
	code, out, errs := w.run("", "unlock", liveID)
	w.want(exitAmbiguous, code, out, errs, "Choice")
	_, choice, _ := strings.Cut(out, `{"path":"`+bucket+"/team-x/")
	choice, _, _ = strings.Cut(choice, `"`)
	code, out, errs = w.run("", strings.Fields("unlock "+liveID+" --path "+bucket+"/team-x/"+strings.ReplaceAll(choice, `\`, ""))...) // as a shell does
	w.want(exitNotFound, code, out, errs)
}

// An ID goes on with options, too. The list of the locks warns of it.
func TestAListWarnsOfNamesWithOptions(t *testing.T) {
	w := newWorld(t)
	live := w.lock("production/terraform.tfstate", liveID, "live@production")
	const says = "Never paste a path or ID with blanks"
	code, out, errs := w.run("", "locks")
	w.want(0, code, out, errs, "production")
	if strings.Contains(out, says) {
		t.Errorf("for plain names: %s", out)
	}
	w.lock("team-x/a", liveID+" --path="+live+" --force --yes --reason=dead", "me@x")
	code, out, errs = w.run("", "locks")
	w.want(0, code, out, errs, says)
}
