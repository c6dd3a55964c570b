package unlock_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// The answers to the delete of a row are lost, and its client, which waited for it, has it again with the same bytes before anybody looks:
// whoever repeats the release meets a run of seconds.
func TestARepeatOfAReleaseWithoutAnAnswerRemovesNoRowThatIsTakenAgain(t *testing.T) {
	w := newWorld(t)
	table := w.Set.Tables[0]
	w.Lock("k", "waiting", table)
	held, _, err := table.Find(t.Context(), w.Path("k"))
	if err != nil {
		t.Fatal(err)
	}
	w.scan()
	var gone atomic.Bool // stores are read side by side
	wire := &local.Wire{
		Lose: func(call string) bool {
			if !strings.HasSuffix(call, ".DeleteItem") {
				return false
			}
			gone.Store(true)
			return true
		},
		Before: func(call string) {
			if strings.HasSuffix(call, ".GetItem") && gone.CompareAndSwap(true, false) {
				if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(held.Raw)); err != nil {
					t.Error(err)
				}
			}
		},
	}
	first, err := w.run(wire, request(w, "waiting", ""))
	if len(w.held()) != 1 {
		t.Fatalf("its client does not have it: %+v, %v", first, err)
	}
	again, err := w.run(&local.Wire{}, request(w, "waiting", ""))
	if len(w.held()) != 1 || err != nil || again.Outcome != unlock.Refused || first.Outcome != unlock.Partial {
		t.Errorf("%+v, then %+v, %v; held: %q", first, again, err, w.held())
	}
}
