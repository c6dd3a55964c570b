//go:build !race

package tflock_test

import (
	"strings"
	"testing"
)

// What clients print before the error: Terraform from 1.11 on warns of dynamodb_table where it applies a saved plan, and init says that
// it migrates.
func TestWhatClientsSayBeforeTheErrorIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"a warning": "╷\n│ Warning: Deprecated Parameter\n│ \n│ The parameter \"dynamodb_table\" is deprecated. Use parameter \"use_lockfile\"\n│ instead.\n╵\n",
		"a warning in JSON": `{"@level":"warn","@message":"Warning: Deprecated Parameter","@module":"terraform.ui","@timestamp":"2026-11-29T20:47:56.087585Z",` +
			`"diagnostic":{"severity":"warning","summary":"Deprecated Parameter","detail":"The parameter \"dynamodb_table\" is deprecated. Use parameter \"use_lockfile\" instead."},"type":"diagnostic"}` + "\n",
		"a migration": "Initializing the backend...\nBackend configuration changed!\n\nTerraform has detected that the configuration specified for the backend\n" +
			"has changed. Terraform will now check for existing state in the backends.\n\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lockInfo()
			l.Path = forgedPath
			text := frame(clientError(l))
			if strings.HasPrefix(before, "{") {
				text = `{"@level":"error","@message":"Error: Error acquiring the state lock","@module":"terraform.ui","@timestamp":"2026-11-29T20:47:56.095048Z",` +
					`"diagnostic":{"severity":"error","summary":"Error acquiring the state lock","detail":` + asJSON(strings.TrimPrefix(clientError(l), "Error: Error acquiring the state lock\n\n")) + `},"type":"diagnostic"}`
			}
			if !forgedReleases(t, forgedPath, text) {
				t.Fatalf("the error alone is asked about:\n%s", text)
			}
			if !forgedReleases(t, forgedPath, before+text) {
				t.Errorf("it is asked about:\n%s", before+text)
			}
		})
	}
}
