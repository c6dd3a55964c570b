package stack_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/stack"
)

var update = flag.Bool("update", false, "write what README.md should say of the cost")

// README.md says of the cost what follows from the template.
func TestTheREADMESaysWhatTheStackCosts(t *testing.T) {
	items, err := stack.Cost(load(t))
	check(t, err)
	table := "| a month, us-east-1 | |\n|---|---|\n"
	for _, item := range items {
		if item.Dollars < 0 {
			t.Errorf("%s costs %v", item.Name, item.Dollars)
		}
		table += fmt.Sprintf("| %s | $%.2f |\n", item.Name, item.Dollars)
	}
	const from, to = "<!-- cost: go test ./infra/stack -run Costs -update -->\n", "<!-- /cost -->"
	readme := read(t, "README.md")
	before, rest, found := strings.Cut(readme, from)
	said, after, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("README.md has no place for the cost, between %q and %q", from, to)
	}
	if said == table {
		return
	}
	if !*update {
		t.Fatalf("README.md does not say what the stack costs; run this test with -update.\nIt says:\n%s\nIt should say:\n%s", said, table)
	}
	check(t, os.WriteFile(filepath.Join(local.Root(), "README.md"), []byte(before+from+table+to+after), 0o644))
}
