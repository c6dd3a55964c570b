package unlock_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
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
