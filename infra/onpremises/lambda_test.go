package onpremises_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
)

// What the document changes in the template reaches every function, and takes none of what the
// function has.
func TestEveryFunctionInLambdaGetsTheStoreOfTheDocument(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services)
	page, err := os.ReadFile(filepath.Join(local.Root(), "docs", "on-premises.md"))
	if err != nil {
		t.Fatal(err)
	}
	change := regexp.MustCompile("(?s)```yaml\n(    Layers.*?)```").FindSubmatch(page)
	whole, err := os.ReadFile(filepath.Join(local.Root(), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const line = "    Environment: { Variables: { GOMAXPROCS: \"1\" } }\n"
	if change == nil || strings.Count(string(whole), line) != 1 {
		t.Fatalf("the document has no such change (%q), or the template not the line that it is of", change)
	}
	file := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(whole), line, string(change[1]), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	before, after := functionsIn(t, "template.yaml"), functionsIn(t, file)
	if len(before) < 9 || len(after) != len(before) {
		t.Fatalf("%d functions before, %d after", len(before), len(after))
	}
	for name, f := range after {
		if len(f.Layers) != 1 || len(before[name].Layers) != 0 {
			t.Errorf("%s has the layers %q", name, f.Layers)
		}
		for _, variable := range []string{"AWS_ENDPOINT_URL_S3", "AWS_SHARED_CREDENTIALS_FILE", "LOCKWARDEN_PROFILE_S3"} {
			if f.Environment.Variables[variable] == nil {
				t.Errorf("%s has no %s", name, variable)
			}
		}
		if added := len(f.Environment.Variables) - len(before[name].Environment.Variables); added != 3 {
			t.Errorf("%s has %d variables more", name, added)
		}
	}
}

type function struct {
	Layers      []string
	Environment struct{ Variables map[string]any }
}

// functionsIn are those of the template in a file, by logical ID.
func functionsIn(t *testing.T, file string) map[string]function {
	t.Helper()
	template, err := deploycheck.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]function{}
	for _, name := range template.Of("AWS::Lambda::Function") {
		properties, err := json.Marshal(template.Resources[name].Properties)
		var f function
		if err == nil {
			err = json.Unmarshal(properties, &f)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[name] = f
	}
	return all
}
