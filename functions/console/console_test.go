package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

func open(t *testing.T, dashboard local.Dashboard) *local.Page {
	t.Helper()
	page, err := dashboard.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// Locks that killed clients left, in every mode, have a button each. Pressing it says in
// words that the lock went, and the client's next plan works.
func TestButtonsReleaseRealLocks(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"StuckAfter": "1ms", "ReleaseGuard": "1ms"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	dashboard := local.Dashboard{Stack: stack, Context: local.DashboardContext("light", 1280, "+02:00", map[string]string{"name": "ana", "reason": "its runner is gone"})}
	if page := open(t, dashboard); !strings.Contains(page.Text(nil), "No locks") || len(page.Buttons("Release")) != 0 {
		t.Errorf("without locks: %s", page.Text(nil))
	}
	left := map[string]*local.Workspace{} // by path
	for _, client := range clients {
		for _, mode := range local.Modes {
			key := fmt.Sprintf("%s/%s/terraform.tfstate", client.Name, mode)
			w, err := stack.Leave(t.Context(), client, t.TempDir(), key, mode)
			if err != nil {
				t.Fatal(err)
			}
			left[stack.Outputs["StateBucketName"]+"/"+key] = w
		}
	}

	if err := stack.Scan(t.Context()); err != nil { // rows have no other proof of their age
		t.Fatal(err)
	}
	page := open(t, dashboard)
	buttons := page.Buttons("Release")
	if len(buttons) != len(left) || len(page.Rows()) != len(left) {
		t.Fatalf("%d buttons, %d rows for %d stuck locks: %s", len(buttons), len(page.Rows()), len(left), page.Text(nil))
	}
	for _, b := range buttons {
		path, _, _ := strings.Cut(b.Row, " ID ")
		w := left[path]
		if w == nil {
			t.Fatalf("a button on %q", b.Row)
		}
		if !strings.Contains(b.Confirm, path) || !strings.Contains(b.Confirm, "@") || !strings.Contains(b.Confirm, "held for") || b.Display != "popup" {
			t.Errorf("it asks %q, and shows the answer as %s", b.Confirm, b.Display)
		}
		if _, err := w.Run(t.Context(), "plan"); err == nil {
			t.Fatal("the lock does not hold")
		}
		refreshed, err := dashboard.Refresh(t.Context(), b.Endpoint, json.RawMessage(b.Payload))
		if err != nil || !strings.Contains(refreshed.Text(nil), "not from a click") {
			t.Errorf("a widget with the parameters of a release: %v, %v", refreshed.Text(nil), err)
		}
		answer, err := dashboard.Press(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if text := answer.Text(nil); !strings.Contains(text, "✓ Released") || !strings.Contains(text, path) {
			t.Errorf("it answers %s", text)
		}
		if _, err := w.Run(t.Context(), "plan"); err != nil {
			t.Errorf("after the release: %v", err)
		}
		again, err := dashboard.Press(t.Context(), b)
		if err != nil || !strings.Contains(again.Text(nil), "It is not there") {
			t.Errorf("pressed again: %v, %v", again.Text(nil), err)
		}
	}
	if page := open(t, dashboard); !strings.Contains(page.Text(nil), "No locks") {
		t.Errorf("after all releases: %s", page.Text(nil))
	}
	messages, err := stack.AWS().Published(stack.Outputs["AlertTopicArn"])
	messages = slices.DeleteFunc(messages, func(m local.Message) bool { return m.Attributes["type"] != "lock.released" })
	if err != nil || len(messages) != len(left) {
		t.Fatalf("%d messages for %d releases, %v", len(messages), len(left), err)
	}
	for _, m := range messages {
		if text := m.Texts["email"]; !strings.Contains(text, "ana (from dashboard lockwarden") || !strings.Contains(text, "its runner is gone") {
			t.Errorf("the record must say who and why: %s", text)
		}
	}
}

// A live apply has no button while its lock is young, and the page says why.
func TestALiveApplyHasNoButton(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"StuckAfter": "1ms"})
	client, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	_, run, err := stack.Hold(t.Context(), client, t.TempDir(), "live/terraform.tfstate", local.ByBoth, local.TenMinutes)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Kill() //nolint:errcheck // it may have ended
	page := open(t, local.Dashboard{Stack: stack, Context: local.DashboardContext("dark", 588, "+00:00", nil)})
	if text := page.Text(nil); len(page.Buttons("Release")) != 0 || !strings.Contains(text, "stuck") || !strings.Contains(text, "its run may well be alive") {
		t.Errorf("got %s", text)
	}
}

// A table that cannot be read is shown, and what could be read is shown with it.
func TestAFailingBackendIsOnThePage(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"WatchTableArns": "arn:aws:dynamodb:eu-west-1:123456789012:table/missing"})
	text := open(t, local.Dashboard{Stack: stack, Context: local.DashboardContext("light", 1280, "+00:00", nil)}).Text(nil)
	for _, want := range []string{"INCOMPLETE: 1 of 3", "table/missing", "No locks were found in what could be read"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing: %s", want, text)
		}
	}
}

// A branch's state that was pruned is shown beside the one that still manages resources,
// and its button brings it back.
func TestStaleStatesAreShownAndRestored(t *testing.T) {
	stack := local.ForTest(t, nil)
	client, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	workspaces := map[string]*local.Workspace{}
	for key, runs := range map[string][]string{"branches/merged/terraform.tfstate": {"apply", "destroy"}, "branches/forgotten/terraform.tfstate": {"apply"}} {
		w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, local.ByBoth)
		for _, run := range runs {
			if err == nil {
				_, err = w.Run(t.Context(), run, "-auto-approve")
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		workspaces[key] = w
	}
	if err := stack.AWS().Age(stack.Outputs["StateBucketName"], "branches/", 31*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	dashboard := local.Dashboard{Stack: stack, Context: local.DashboardContext("light", 1280, "+00:00", nil)}
	press := func(page *local.Page, label string) *local.Page {
		t.Helper()
		buttons := page.Buttons(label)
		if len(buttons) != 1 {
			t.Fatalf("%d buttons %q: %s", len(buttons), label, page.Text(nil))
		}
		next, err := dashboard.Press(t.Context(), buttons[0])
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	locks := open(t, dashboard)
	for range 2 { // looking at it twice prunes nothing
		text := press(locks, "Stale states").Text(nil)
		_, abandoned, _ := strings.Cut(text, "Abandoned")
		abandoned, would, _ := strings.Cut(abandoned, "Would be pruned")
		if !strings.Contains(abandoned, "branches/forgotten") || !strings.Contains(abandoned, "1 resource") || !strings.Contains(would, "branches/merged") {
			t.Fatalf("before the prune: %s", text)
		}
	}
	// A widget that names the prune function, without a parameter, gets a dry run too.
	if _, err := dashboard.Call(t.Context(), local.FunctionARN(stack.Resources["PruneFunction"]), nil); err != nil {
		t.Fatal(err)
	}
	if result, err := stack.Invoke(t.Context(), "prune", "PruneFunction", "{}"); err != nil || result.Failed || strings.Count(result.Payload, `"fate":"pruned"`) != 1 {
		t.Fatalf("%v: %s", err, result.Payload)
	}
	states := press(locks, "Stale states")
	if b := states.Buttons("Restore"); len(b) != 1 || !strings.Contains(b[0].Confirm, "branches/merged") {
		t.Fatalf("after the prune: %s", states.Text(nil))
	}
	restore := states.Buttons("Restore")[0]
	refreshed, err := dashboard.Refresh(t.Context(), restore.Endpoint, json.RawMessage(restore.Payload))
	if err != nil || !strings.Contains(refreshed.Text(nil), "not from a click") {
		t.Errorf("a widget with the parameters of a restore: %v, %v", refreshed.Text(nil), err)
	}
	if text := press(states, "Restore").Text(nil); !strings.Contains(text, "✓ Restored") {
		t.Errorf("it answers %s", text)
	}
	if out, err := workspaces["branches/merged/terraform.tfstate"].Run(t.Context(), "state", "pull"); err != nil || !strings.Contains(out, `"serial"`) {
		t.Errorf("after the restore: %v, %s", err, out)
	}
	if text := press(states, "Restore").Text(nil); !strings.Contains(text, "▲ Not restored") {
		t.Errorf("pressed again: %s", text)
	}
	if text := press(states, "Back to the locks").Text(nil); !strings.Contains(text, "No locks") {
		t.Errorf("back again: %s", text)
	}
}
