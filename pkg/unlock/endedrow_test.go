package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A release of a row ends at any of its calls: Lambda's time is over, or the ledger takes nothing. Where the row went, and its client, which waited for it,
// has it again with the same bytes, whoever repeats the release meets a run of seconds.
func TestARepeatOfAReleaseThatEndedRemovesNoRowThatIsTakenAgain(t *testing.T) {
	again := 0
	for variant, after := range []bool{false, true} {
		for cut := range local.Calls(variant) {
			w := newWorld(t)
			table := w.Set.Tables[0]
			w.Lock("k", "waiting", table)
			held, _, err := table.Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			w.scan()
			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			_, _ = w.run(wire, request(w, "waiting", "")) // ends
			if _, there, err := table.Find(t.Context(), w.Path("k")); err != nil {
				t.Fatal(err)
			} else if !there {
				again++
				if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(held.Raw)); err != nil {
					t.Fatal(err)
				}
				a, err := w.run(&local.Wire{}, request(w, "waiting", ""))
				if len(w.held()) != 1 {
					t.Errorf("cut %d (%v): the row that was taken again went: %+v, %v", cut, after, a, err)
				}
				if a.Outcome == unlock.Refused && !strings.Contains(a.Message, "may have taken it again") {
					t.Errorf("cut %d (%v): refused, and not for that: %q", cut, after, a.Message)
				}
			}
			if wire.Calls() < cut {
				break
			}
		}
	}
	if again < 4 {
		t.Errorf("the row went in %d of the releases only", again)
	}
}
