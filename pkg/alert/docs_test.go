package alert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/alerts.md names every type of event, and every field that one of them has.
func TestThePageOfAlertsNamesEveryTypeAndField(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	named := func(of, name string) {
		t.Helper()
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/alerts.md does not name %s, of %s", name, of)
		}
	}
	for name, e := range events() {
		named(name, string(e.Type))
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(render(t, e).Texts["default"]), &fields); err != nil {
			t.Fatal(err)
		}
		for field := range fields {
			named(name, field)
		}
		for _, part := range []string{"actions", "links", "plan", "removal"} {
			var inner map[string]json.RawMessage
			if fields[part] != nil && json.Unmarshal(fields[part], &inner) == nil {
				for field := range inner {
					named(name+"."+part, field)
				}
			}
		}
	}
}
