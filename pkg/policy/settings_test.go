package policy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The template holds its patterns to the same list, so that what a function would refuse
// is refused by the deployment already.
func TestSettingsAreAcceptedOrRefusedWithAnAnswer(t *testing.T) {
	raw, err := os.ReadFile("testdata/settings.json")
	if err != nil {
		t.Fatal(err)
	}
	type setting struct{ Value, Refused string }
	var all struct{ PrunePaths, StuckAfterOverrides, AutoRelease []setting }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	check := func(name string, settings []setting, parse func(string) error) {
		if len(settings) == 0 {
			t.Errorf("no values of %s", name)
		}
		for _, s := range settings {
			t.Run(name+" "+s.Value, func(t *testing.T) {
				switch err := parse(s.Value); {
				case s.Refused == "" && err != nil:
					t.Errorf("refused: %v", err)
				case s.Refused != "" && err == nil:
					t.Error("accepted")
				case err != nil && !strings.Contains(err.Error(), s.Refused):
					t.Errorf("%q is not in the answer: %v", s.Refused, err)
				}
			})
		}
	}
	check("PrunePaths", all.PrunePaths, func(text string) error { _, err := policy.ParsePaths(text); return err })
	check("StuckAfterOverrides", all.StuckAfterOverrides, func(text string) error { _, err := policy.ParseOverrides(text); return err })
	check("AutoRelease", all.AutoRelease, func(text string) error { _, err := policy.ParseSelection(text); return err })
}
