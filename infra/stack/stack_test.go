package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
)

var server *local.AWS

func TestMain(m *testing.M) { local.Main(m, &server) }

func load(t *testing.T) deploycheck.Template {
	t.Helper()
	template, err := deploycheck.Load(t.Context(), "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{local.Root()}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// functions are the folders of functions/, each with the logical ID that it must have
// in the template.
func functions(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(local.Root(), "functions"))
	if err != nil || len(entries) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	found := map[string]string{}
	for _, e := range entries {
		found[e.Name()] = strings.ToUpper(e.Name()[:1]) + e.Name()[1:] + "Function"
	}
	return found
}

// events are the payloads in events/ for a function, by the name of their case.
func events(t *testing.T, function string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", function+"-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), function+"-"), ".json")
		found[name] = read(t, "events", filepath.Base(file))
	}
	return found
}
