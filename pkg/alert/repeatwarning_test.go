package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// A message that asks people to repeat a release says where the lock's ID or path belongs in no command.
func TestAMessageThatAsksToRepeatAReleaseSaysWhichNamesBelongInNoShell(t *testing.T) {
	for id, warned := range map[string]bool{samples.Lock().ID: false, samples.Lock().ID + " --path=states/production/terraform.tfstate --yes --reason=dead": true} {
		d := samples.Lock()
		d.ID = id
		for name, e := range map[string]alert.Event{
			"refused":          composer.Refused(d, "ana", "the state was written 2m ago", now),
			"released in part": composer.Released(d, alert.Release{Outcome: alert.Partly, RequestedBy: "ana", Reason: "laptop died"}, now),
		} {
			for channel, text := range render(t, e).Texts {
				if strings.Contains(text, "characters that a shell or a chat may misread") != warned {
					t.Errorf("%s, %s, %q: %s", name, channel, id, text)
				}
			}
		}
	}
}
