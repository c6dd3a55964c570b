package unlock_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A release reads the state for its digest longer than its caller waits, who repeats it. The client that waited for its own row has
// taken it again by then.
func TestARepeatWhileTheStateIsReadKnowsWhatWent(t *testing.T) {
	w := newWorld(t)
	table := w.Set.Tables[0]
	w.Lock("k", "waiting", table)
	row, _, err := table.Find(t.Context(), w.Path("k"))
	if err != nil {
		t.Fatal(err)
	}
	w.scan()
	w.ahead = 12 * time.Minute
	var sent atomic.Bool
	reading, read, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := &local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, ".DeleteItem") {
			sent.Store(true)
		}
		if sent.Load() && call == "GET" && sent.CompareAndSwap(true, false) {
			close(reading)
			<-read
		}
		return false
	}}
	first := request(w, "waiting", "")
	go func() {
		defer close(done)
		_, _ = w.run(slow, first)
	}()
	<-reading
	if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(row.Raw)); err != nil {
		t.Fatal(err)
	}
	a, err := w.run(&local.Wire{}, request(w, "waiting", ""))
	if err != nil || a.Outcome != unlock.Refused || len(w.held()) != 1 {
		t.Errorf("a run of a moment: %+v, %v; left %q", a, err, w.held())
	}
	close(read)
	<-done
}

// The invocation dies while it reads the state: the next scan says that the lock was released, as a whole.
func TestAReleaseThatDiesWhileTheStateIsRead(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	w.scan()
	var sent, dead atomic.Bool
	_, _ = w.run(&local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, ".DeleteItem") {
			sent.Store(true)
		}
		dead.Store(dead.Load() || sent.Load() && call == "GET")
		return dead.Load()
	}}, request(w, "named", ""))
	for range 2 {
		w.scanAfter(w.ahead + 5*time.Minute)
	}
	heard := w.releasesHeard()
	r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"})
	if len(heard) != 1 || strings.Contains(heard[0], "in part") || err != nil || !found || !r.Finished || r.Outcome != string(unlock.Released) {
		t.Errorf("people hear %q; on record %+v, %v", heard, r.Outcome, err)
	}
}
