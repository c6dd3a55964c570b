package main

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// A run that ends well can have printed nothing else than held, and the exceptions: so the page
// has the cells of such a run of the engines, rows and exceptions that there are now.
func TestThePageHasTheCellsOfARunOfWhatIsTriedNow(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(pageFile())
	if err != nil {
		t.Fatal(err)
	}
	_, got, _, err := written(string(page), cellsBegin)
	if err != nil {
		t.Fatal(err)
	}
	_, got, dated := strings.Cut(got, "\n\n")
	if want := expectedCells(); !dated || got != want {
		t.Errorf("docs/engines.md has other cells than a run prints now: run make engines WRITE=1. They are not\n%s", want)
	}
}

// expectedCells are those of a run in which every cell is as it ought to be.
func expectedCells() string {
	stores, lived := newMatrix("promise of a store"), newMatrix("scene")
	for _, k := range slices.Concat([]server.Kind{moto}, quick, slow) {
		for _, p := range promises(k) {
			stores.set(p.Name, k.Name, cmp.Or(excepted[k.Name][p.Name].name, held), false)
		}
	}
	for _, w := range slices.Concat(slowWorlds[:1], quickWorlds, slowWorlds[1:]) {
		for _, s := range scenes(local.Client{Name: "tofu"}, local.Client{Name: terraform}) {
			lived.set(s.name, w.name, cmp.Or(w.exception(s.name).name, held), false)
		}
	}
	return stores.markdown() + "\n" + lived.markdown()
}

// An exception of a row that there is not would never be found to be needless.
func TestEveryExceptionIsOfARowThatThereIs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, k := range slices.Concat(quick, slow) {
		known[k.Name] = true
		var rows []string
		for _, p := range promises(k) {
			rows = append(rows, p.Name)
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
