package console_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// A text that somebody pastes between the quotes of an event may end them, and go on with fields of its writer: also
// with the context of a dashboard, which takes the event another way, and with what its form says.
func TestATextThatPlaysADashboardReleasesNothing(t *testing.T) {
	const pasted = `{"lock_id":"Lock Info:#012  ID: aaaaaaaa-0001#012  Path: acme-states/dev/x#012  Who: deploy@dev`
	for name, who := range map[string]string{
		"an empty context":          `","lock_id":"bbbbbbbb-0002","path":"acme-states/prod/x","widgetContext":{}`,
		"with a name and a reason":  `","lock_id":"bbbbbbbb-0002","path":"acme-states/prod/x","widgetContext":{"forms":{"all":{"name":"ana","reason":"done"}}}`,
		"in another case":           `","LOCK_ID":"bbbbbbbb-0002","path":"acme-states/prod/x","widgetContext":{}`,
		"with an escape in a name":  `","lock\u005fid":"bbbbbbbb-0002","path":"acme-states/prod/x","widgetContext":{}`,
		"with a way back":           `","lock_id":"bbbbbbbb-0002","path":"acme-states/prod/x","return_to":"x","widgetContext":{}`,
		"the context before the ID": `","widgetContext":{},"lock_id":"bbbbbbbb-0002","path":"acme-states/prod/x"`,
	} {
		t.Run(name, func(t *testing.T) {
			at, payload := widget.Split([]byte(pasted + who + `,"reason":"laptop died"}`))
			request, err := unlock.ParseRequest(payload)
			if err == nil {
				request, err = console.Signed(request, at)
			}
			if err == nil || !strings.Contains(err.Error(), "lock_id twice") {
				t.Errorf("released %s of %s: %v", request.LockID, request.Path, err)
			}
		})
	}
}
