package payload_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

// Whoever pastes a text between the quotes of a payload may paste one with quotes in it, whose writer then goes on with fields of
// his own: of a field that is there twice, people read the first, and the last would count.
func TestAFieldThatIsThereTwiceIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		payload string
		refused bool
	}{
		"a field again":                {`{"path": "b/dev", "path": "b/prod"}`, true},
		"in another case":              {`{"path": "b/dev", "PATH": "b/prod"}`, true},
		"with an escape in its name":   {`{"path": "b/dev", "\u0070ath": "b/prod"}`, true},
		"with a letter that is folded": {`{"task": "b/dev", "tasK": "b/prod"}`, true}, // the sign of Kelvin
		"the same names, once":         {`{"path": "b/dev", "dry_run": true}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r struct {
				Path   string `json:"path"`
				Task   string `json:"task"`
				DryRun bool   `json:"dry_run"`
			}
			err := payload.Decode([]byte(tc.payload), &r)
			if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "twice") {
				t.Errorf("%v, %+v", err, r)
			}
		})
	}
}
