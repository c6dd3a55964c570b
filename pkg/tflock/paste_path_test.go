package tflock_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var maskMarks = []string{"***", "*****", "…", "[MASKED]", "[redacted]", "<sensitive", "(sensitive value)"}

// Whatever part of a path is masked, and wherever it is wrapped: the rest is not another state's.
func TestAMaskedPathIsThatOfItsState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[a-z]{3,8}(/([a-z-]{1,4} ?){1,2}[a-z]){1,3}`).Draw(t, "path")
		from := rapid.IntRange(0, len(path)-2).Draw(t, "from")
		to := rapid.IntRange(from+2, len(path)).Draw(t, "to") // no part is only a blank
		text := path[:from] + rapid.SampledFrom(maskMarks).Draw(t, "mask") + path[to:]
		if rapid.Bool().Draw(t, "wrapped") {
			at := rapid.IntRange(1, len(path)-1).Draw(t, "at")
			text = path[:at] + "\n" + path[at:]
		}
		l := lockInfo()
		l.Path = text
		ref, err := tflock.ParseReference(clientError(l))
		if other := ref.OtherState(path); err != nil || other != "" {
			t.Errorf("%q: %q, %v", text, other, err)
		}
	})
}

// Whoever has a prefix chooses what follows it, marks of masks too: no text that shows such
// a path can be of a state elsewhere.
func TestAMaskOfAHoldersOwnHidesNoPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(append([]string{"x", "/", "payments/production/terraform.tfstate", "...", " ", "'", "\"", `\`, "1 ", ": ", ", ID ", ">", "<b>", "&nbsp;", "|", "`", "acme-states/"}, maskMarks...)), 1, 6).Draw(t, "parts")
		shown := "acme-states/team-a/" + strings.Join(parts, "")
		for name, text := range map[string]string{
			"our mail":      "State:      " + shown + "\nHeld by:    x\nLock ID:    " + pastedID + "\n",
			"an event":      asJSON(map[string]any{"lock": map[string]string{"id": pastedID, "path": shown}}),
			"an error":      clientError(tflock.Info{ID: pastedID, Path: shown, Operation: "o", Who: "w", Version: "1"}),
			"a line":        "Lock Info: ID: " + pastedID + " Path: " + shown,
			"the dashboard": shown + "\nID " + pastedID + "\nana@laptop",
			"Slack":         "State\n" + shown + "\nLock ID\n" + pastedID + "\n",
			"a summary":     "- " + shown + ": ana@laptop, OperationTypeApply, held for 45m, stuck, ID " + pastedID,
			"a command":     `x --payload '{\"lock_id\":\"` + pastedID + `\",\"path\":\"` + shown + `\"}'`,
		} {
			ref, err := tflock.ParseReference(text)
			if err == nil && ref.OtherState(pastedPath) == "" {
				t.Errorf("%s: %+v of\n%s", name, ref, text)
			}
		}
	})
}
