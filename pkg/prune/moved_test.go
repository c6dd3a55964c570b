package prune_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// A client that moves its state to another key (init -migrate-state) leaves the old one as it is: it is stale a month later, and what it manages is what
// the other state manages. Whoever destroys that destroys what is in use.
func TestAStateThatWasMovedIsNotReportedAsOneToDestroy(t *testing.T) {
	w := newWorld(t)
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	client, err := server.Workspace(t.Context(), tofu, dir, w.Bucket, w.Table, key, local.ByBoth)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Run(t.Context(), "apply", "-auto-approve"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "main.tf")
	configuration, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(configuration), key, "production/terraform.tfstate", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := client.Run(t.Context(), "init", "-migrate-state", "-force-copy"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := client.Run(t.Context(), "plan"); err != nil || !strings.Contains(out, "No changes") {
		t.Fatal(out, err)
	}
	if err := server.Age(w.Bucket, key, month); err != nil {
		t.Fatal(err)
	}
	report := w.prune()
	if report.Abandoned != 1 {
		t.Fatalf("%+v", report)
	}
	messages := w.Published()
	if mail := messages[len(messages)-1].Texts["email"]; !strings.Contains(mail, "Make sure that no other state manages the same") {
		t.Error(mail)
	}
}
