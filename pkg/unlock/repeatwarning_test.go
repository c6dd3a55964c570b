package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// An answer that asks people to repeat a call, with force too, asks them to write the lock's ID and path once more: whoever takes the lock chose
// them, and where a blank in one ends a word, what is behind it is an option.
func TestAnAnswerThatAsksToRepeatACallSaysWhichNamesBelongInNoShell(t *testing.T) {
	const plainID, warning = "8e1b6c40-2f5a-4d07-b3c9-71a0e5d2f968", "Never paste that name into a shell command"
	for name, tc := range map[string]struct {
		id, key string
		warned  bool
	}{
		"names that a client makes": {plainID, "network/terraform.tfstate", false},
		"an ID with options":        {plainID + " --path=states/production/terraform.tfstate --yes --reason=dead", "network/terraform.tfstate", true},
		"a path with options":       {plainID, "network --path=states/production --yes --reason=dead/terraform.tfstate", true},
		"an ID with a variable":     {plainID + "$IFS--force", "network/terraform.tfstate", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Lock(tc.key, tc.id, w.Set.All()...)
			w.scan()
			for _, call := range []struct {
				more  string
				young bool
				want  unlock.Outcome
			}{{"", true, unlock.Refused}, {`,"dry_run":true`, false, unlock.WouldRelease}} {
				ahead := w.ahead
				if call.young {
					w.ahead = 0
				}
				a, err := w.run(&local.Wire{}, request(w, tc.id, `,"path":"`+string(w.Path(tc.key))+`"`+call.more))
				w.ahead = ahead
				if steps := strings.Join(a.NextSteps, "\n"); err != nil || a.Outcome != call.want || strings.Contains(steps, warning) != tc.warned {
					t.Errorf("%s, %v: %q", a.Outcome, err, steps)
				}
			}
		})
	}
}
