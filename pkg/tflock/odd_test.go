package tflock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// An error that shows an ID which a shell runs, and says to give it, says how not to.
func TestAnOddIDIsNotInvitedIntoAShell(t *testing.T) {
	t.Parallel()
	const odd = "x$(touch${IFS}executed)"
	for name, text := range map[string]string{
		"a client's error": clientError(tflock.Info{ID: odd, Path: pastedPath, Operation: "OperationTypeApply", Who: "me@host", Version: "1.11.4"}),
		"our mail":         "State:      acme-states/x\nHeld by:    me@host\nLock ID:    " + odd + "\n",
		"a label":          "ID: x;touch${IFS}executed",
		"a lock's JSON":    `{"ID":"` + odd + `","id":"y","Path":"b/x"}`,
		"the ID twice":     strings.Replace(clientError(tflock.Info{ID: pastedID, Path: pastedPath, Who: "me@host"}), "  Operation:", "  ID:        "+odd+"\n  Operation:", 1),
	} {
		if _, err := tflock.ParseReference(text); err == nil || !strings.Contains(err.Error(), "never between a shell's quotes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
