package unlock_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// losesItsRow releases a row whose client waits for it: all answers to the delete are lost, and the client has it again with the same bytes before anybody looks.
func (w *world) losesItsRow() {
	w.Helper()
	table := w.Set.Tables[0]
	w.Lock("k", "waiting", table)
	held, _, err := table.Find(w.Context(), w.Path("k"))
	if err != nil {
		w.Fatal(err)
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
				if _, err := table.Acquire(w.Context(), w.Path("k"), []byte(held.Raw)); err != nil {
					w.Error(err)
				}
			}
		},
	}
	first, err := w.run(wire, request(w, "waiting", ""))
	if len(w.held()) != 1 || err != nil || first.Outcome != unlock.Partial {
		w.Fatalf("%+v, %v; held: %q", first, err, w.held())
	}
}

// Whoever repeats the release then, as its answer asks, meets a run of seconds.
func TestARepeatOfAReleaseWithoutAnAnswerRemovesNoRowThatIsTakenAgain(t *testing.T) {
	w := newWorld(t)
	w.losesItsRow()
	again, err := w.run(&local.Wire{}, request(w, "waiting", ""))
	if len(w.held()) != 1 || err != nil || again.Outcome != unlock.Refused {
		t.Errorf("%+v, %v; held: %q", again, err, w.held())
	}
}

// A scan that meets the row does not make it old: whoever repeats the release after that meets a run of minutes.
func TestAScanDoesNotMakeARowOldThatMayBeTakenAgain(t *testing.T) {
	w := newWorld(t)
	w.losesItsRow()
	w.scanAfter(w.ahead + 4*time.Minute)
	w.ahead += 5 * time.Minute
	again, err := w.run(&local.Wire{}, request(w, "waiting", ""))
	if len(w.held()) != 1 || err != nil || again.Outcome != unlock.Refused {
		t.Errorf("a run of five minutes: %+v, %v; held: %q", again, err, w.held())
	}
	w.ahead += 15 * time.Minute
	w.scanAfter(w.ahead - time.Minute)
	again, err = w.run(&local.Wire{}, request(w, "waiting", ""))
	if len(w.held()) != 0 || err != nil || again.Outcome != unlock.Released {
		t.Errorf("a run of twenty minutes: %+v, %v; held: %q", again, err, w.held())
	}
}
