package unlock_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// The answers to the delete of a row are lost, and its client, which waited for it, has it again with the same bytes before anybody looks. A scan
// that meets it there does not make it old: whoever repeats the release, as its answer says, meets a run of minutes.
func TestAScanDoesNotMakeARowOldThatMayBeTakenAgain(t *testing.T) {
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
	if len(w.held()) != 1 || err != nil || first.Outcome != unlock.Partial {
		t.Fatalf("%+v, %v", first, err)
	}
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
