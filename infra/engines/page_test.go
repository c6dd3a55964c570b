package main

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

var update = flag.Bool("update", false, "write the tables of docs/engines.md")

// The tables stand between these lines.
const (
	begin = "<!-- What `make engines` prints. `go test ./infra/engines -run Page -update` writes it. -->\n"
	end   = "<!-- end -->\n"
)

// A run that ends well can have printed nothing else than held, and the exceptions: so the page
// has the tables of every such run.
func TestThePageHasTheTablesThatARunPrints(t *testing.T) {
	t.Parallel()
	file := filepath.Join(local.Root(), "docs", "engines.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	written, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the tables", file)
	}
	want := tables()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if written != want {
		t.Errorf("%s has other tables than a run prints; with -update this test writes them:\n%s", file, want)
	}
}

// tables are those of a run in which every cell is as it ought to be.
func tables() string {
	stores, lived := newMatrix("promise of a store"), newMatrix("scene")
	for _, k := range slices.Concat([]server.Kind{moto}, quick, slow) {
		for _, p := range promises(k) {
			stores.set(p.name, k.Name, cmp.Or(excepted[k.Name][p.name].name, held), false)
		}
	}
	for _, w := range slices.Concat(slowWorlds[:1], quickWorlds, slowWorlds[1:]) {
		for _, s := range scenes(local.Client{Name: "tofu"}, local.Client{Name: terraform}) {
			lived.set(s.name, w.name, cmp.Or(w.exception(s.name).name, held), false)
		}
	}
	return stores.markdown() + "\n" + lived.markdown()
}

// markdown is the matrix as a table of a page.
func (m *matrix) markdown() string {
	var lines []string
	add := func(cells ...string) { lines = append(lines, "| "+strings.Join(cells, " | ")+" |\n") }
	add(append([]string{m.title}, m.columns...)...)
	add(slices.Repeat([]string{"---"}, 1+len(m.columns))...)
	for _, row := range m.rows {
		cells := []string{row}
		for _, column := range m.columns {
			cells = append(cells, cmp.Or(m.cells[[2]string{row, column}], "–"))
		}
		add(cells...)
	}
	return strings.Join(lines, "")
}

// An exception of a row that there is not would never be found to be needless.
func TestEveryExceptionIsOfARowThatThereIs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, k := range slices.Concat(quick, slow) {
		known[k.Name] = true
		var rows []string
		for _, p := range promises(k) {
			rows = append(rows, p.name)
		}
		for _, s := range scenes(local.Client{Name: "tofu"}, local.Client{Name: terraform}) {
			rows = append(rows, s.name)
		}
		for row := range excepted[k.Name] {
			if !slices.Contains(rows, row) {
				t.Errorf("%s: there is no row %q", k.Name, row)
			}
		}
	}
	for name := range excepted {
		if !known[name] {
			t.Errorf("there is no engine %q", name)
		}
	}
}
