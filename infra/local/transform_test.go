package local

import (
	"os"
	"path/filepath"
	"testing"
)

// What is kept must be what the transform would make now.
func TestATransformIsKeptForTheSameTemplateAndParametersAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "template.yaml")
	seen := map[string]string{}
	for name, tc := range map[string]struct {
		template   string
		parameters map[string]string
	}{
		"defaults":                     {"Resources: {}\n", nil},
		"a parameter":                  {"Resources: {}\n", map[string]string{"Name": "x"}},
		"another value":                {"Resources: {}\n", map[string]string{"Name": "y"}},
		"a value with another's name":  {"Resources: {}\n", map[string]string{"Name": "x", "Other": "y"}},
		"values that look like two":    {"Resources: {}\n", map[string]string{"Name": "x\nOther=y"}},
		"another template":             {"Resources: {A: {}}\n", nil},
		"a template with a value more": {"Resources: {}\nName=x\n", nil},
	} {
		if err := os.WriteFile(file, []byte(tc.template), 0o600); err != nil {
			t.Fatal(err)
		}
		place, err := plainFile(file, tc.parameters)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[place]; taken {
			t.Errorf("%s and %s get the same", name, other)
		}
		seen[place] = name
		if again, err := plainFile(file, tc.parameters); err != nil || again != place {
			t.Errorf("%s has two places: %s, %s, %v", name, place, again, err)
		}
	}
	if _, err := plainFile(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Error("a template that there is not has a place")
	}
}
