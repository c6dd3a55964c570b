//go:build !race

package monitor_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

var update = flag.Bool("update", false, "write the simulated months into docs/alerts.md")

var counted = []alert.Type{alert.LockStuck, alert.LockReminder, alert.LockResolved, alert.LockUnreadable, alert.ScanFailed, alert.ScanRecovered}

// The months that docs/alerts.md shows: every scene stays within its bound, and the page
// says what comes out.
func TestSimulatedMonths(t *testing.T) {
	rows := make([]string, len(scenes))
	t.Run("scenes", func(t *testing.T) {
		for i, sc := range scenes {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				s := simulate(t)
				s.run(sc)
				counts, cells := s.tally(), []string{sc.name, fmt.Sprintf("%g", sc.days)}
				for _, typ := range counted {
					cells = append(cells, cmp.Or(strings.TrimPrefix(fmt.Sprint(counts[typ]), "0"), "–"))
				}
				critical := 0
				for _, e := range s.events {
					if e.Severity == alert.Critical {
						critical++
					}
				}
				if len(s.events) > sc.most {
					t.Errorf("%d messages, at most %d: %v", len(s.events), sc.most, counts)
				}
				if sc.check != nil {
					sc.check(s)
				}
				rows[i] = "| " + strings.Join(append(cells, fmt.Sprint(critical), fmt.Sprintf("**%d**", len(s.events)), fmt.Sprint(sc.most)), " | ") + " |\n"
			})
		}
	})
	if t.Failed() {
		return
	}
	table := "| what happens | days | stuck | reminder | resolved | unreadable | failed | recovered | critical ones | messages | at most |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n" + strings.Join(rows, "")
	const page, from, to = "../../docs/alerts.md", "<!-- simulation: go test ./pkg/monitor -run Simulated -update -->\n", "<!-- /simulation -->"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), from)
	said, after, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatal("docs/alerts.md has no place for the table")
	}
	if said == table {
		return
	}
	if !*update {
		t.Fatalf("docs/alerts.md does not say what the simulation does; run this test with -update.\nIt says:\n%s\nIt should say:\n%s", said, table)
	}
	if err := os.WriteFile(page, []byte(before+from+table+to+after), 0o644); err != nil { //nolint:gosec // a page of docs
		t.Fatal(err)
	}
}
