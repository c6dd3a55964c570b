package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A client's own command names no state, and checks nothing. Whoever writes a lock chooses its ID: that of a live lock of another team,
// which the command releases where that state is checked out, or what a shell runs. And in a refusal it would be the way around the refusal.
func TestNoAnswerAsksForAClientsOwnRelease(t *testing.T) {
	for name, id := range map[string]string{"a copy of a live lock's ID": victim, "an ID that a shell runs": "x$(touch pwned)"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Lock("payments/production/terraform.tfstate", victim, w.Set.Buckets[0])
			w.Lock("team-x/payments/production/terraform.tfstate", id, w.Set.All()...)
			w.scan()
			path := `,"path":"` + string(w.Path("team-x/payments/production/terraform.tfstate")) + `"`
			w.TableARN = "" // clients have a table that nobody watches any more
			for _, step := range []struct {
				more string
				wait bool // the lock is too young by the clock of the call
				want unlock.Outcome
			}{{path, true, unlock.Refused}, {path + `,"dry_run":true`, false, unlock.WouldRelease}, {path, false, unlock.Partial}} {
				ahead := w.ahead
				if step.wait {
					w.ahead = 0
				}
				a, err := w.run(&local.Wire{}, request(w, id, step.more))
				w.ahead = ahead
				if err != nil || a.Outcome != step.want || !strings.Contains(strings.Join(a.NextSteps, "\n"), "No lock table is watched") {
					t.Errorf("%+v, %v", a, err)
				}
				if text := a.Message + strings.Join(a.NextSteps, "\n"); strings.Contains(text, "force-unlock") {
					t.Errorf("%s: %q", a.Outcome, text)
				}
			}
		})
	}
}
