package unlock_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// Production's lock is in a bucket whose search does not end in time, and a copy of its ID in a row of another prefix:
// the one that was found is not known to be the only one, so nothing is released.
func TestHalfASearchReleasesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Lock("production/k", victim, w.Set.Buckets[0])
	w.Lock("a-team/x", victim, w.Set.Tables[0])
	w.scan()
	w.searchTime = 300 * time.Millisecond
	wire := &local.Wire{Before: func(call string) {
		if call == "GET" {
			time.Sleep(2 * w.searchTime)
		}
	}}
	a, err := w.run(wire, request(w, victim, ""))
	if err != nil || a.Outcome != unlock.Ambiguous || len(w.held()) != 2 {
		t.Errorf("%s: %s, %v; held %q", a.Outcome, a.Message, err, w.held())
	}
}

// A table that does not exist has nothing to do with what anybody writes, and keeps no lock from its release.
func TestATableThatDoesNotExistKeepsNoLockFromItsRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Lock("production/k", victim, w.Set.Buckets[0])
	w.scan()
	w.TableARN += "-missing"
	if a, err := w.run(&local.Wire{}, request(w, victim, `,"force":true`)); err != nil || a.Outcome == unlock.Ambiguous || len(w.held()) != 0 {
		t.Errorf("%s: %s, %v; held %q", a.Outcome, a.Message, err, w.held())
	}
}
