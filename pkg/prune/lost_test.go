package prune_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// loses lets one call have its effect and loses the answer, and fails those that follow.
type loses struct {
	wire  *local.Wire
	at, n int // the call, and how many after it fail

	mu    sync.Mutex
	calls int
}

func (l *loses) Do(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.calls++
	number := l.calls
	l.mu.Unlock()
	if number > l.at && number <= l.at+l.n {
		return nil, fmt.Errorf("call %d fails", number)
	}
	response, err := l.wire.Do(r)
	if number == l.at && err == nil {
		_ = response.Body.Close()
		return nil, fmt.Errorf("the answer to call %d is lost", number)
	}
	return response, err
}

// An answer is lost and the looks that follow fail too: nobody knows what happened. The
// run says that something is left or asks for a repeat, no client meets a broken state, and
// a later run brings it to its end.
func TestALostAnswerFollowedByFailedReads(t *testing.T) {
	for variant, failing := range []int{1, 2, 4} {
		for at := range local.Calls(variant) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			client := &loses{wire: &local.Wire{}, at: at, n: failing}
			report, err := w.prunerOver(client).Run(t.Context(), prune.Request{}, "request")
			w.Readable(key)
			if left := w.held(); len(left) > 0 && err == nil {
				t.Errorf("call %d, %d more: left %v and reported success: %+v", at, failing, left, report)
			}
			for range 2 { // the first leaves out the state whose lock could not be released
				w.later(time.Hour)
				w.prune()
			}
			if w.Readable(key) || len(w.held()) > 0 || len(w.Published()) == 0 {
				t.Errorf("call %d, %d more: a later run left %v, notified %d", at, failing, w.held(), len(w.Published()))
			}
			if client.calls < at {
				break
			}
		}
	}
}

// The answer to the release of our lock is lost, and before we look whether it is gone a client has taken
// its own. That lock stays, and the state under it.
func TestAClientThatTakesTheLockBeforeWeLook(t *testing.T) {
	for name, tc := range map[string]struct {
		release, look string
		store         func(w *world) backend.Store
		raw           string // what it writes; empty: what clients do
	}{
		"its row":                       {".DeleteItem", ".GetItem", func(w *world) backend.Store { return w.Set.Tables[1] }, ""},
		"its object":                    {"DELETE", "GET", func(w *world) backend.Store { return w.Set.Buckets[0] }, ""},
		"a row that we cannot read":     {".DeleteItem", ".GetItem", func(w *world) backend.Store { return w.Set.Tables[1] }, "another tool's"},
		"an object that we cannot read": {"DELETE", "GET", func(w *world) backend.Store { return w.Set.Buckets[0] }, "another tool's"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			var lost, taken atomic.Bool
			wire := &local.Wire{
				Lose: func(call string) bool { return strings.HasSuffix(call, tc.release) && !lost.Swap(true) },
				Before: func(call string) {
					if lost.Load() && strings.HasSuffix(call, tc.look) && !taken.Swap(true) {
						w.takes(tc.store(w), tc.raw)
					}
				},
			}
			report, err := w.run(wire, prune.Request{}, "request")
			if err != nil || !taken.Load() || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked {
				t.Errorf("%+v, %v; a client came: %v", report, err, taken.Load())
			}
			held := w.held()
			theirs := slices.ContainsFunc(held, func(h string) bool {
				return strings.HasSuffix(h, " me@host") || tc.raw != "" && !strings.Contains(h, "lockwarden")
			})
			if len(held) != 1 || !theirs || !w.Readable(key) {
				t.Errorf("held %q", held)
			}
		})
	}
}

// takes has a client take the lock of the state.
func (w *world) takes(s backend.Store, raw string) {
	if raw == "" {
		w.Lock(key, "client", s)
		return
	}
	if _, err := s.Acquire(w.Context(), w.Path(key), []byte(raw)); err != nil {
		w.Error(err)
	}
}

// One release of our lock does not arrive. The run looks, finds its lock, releases it again, and goes on.
func TestAReleaseThatDoesNotArriveIsRepeated(t *testing.T) {
	for _, release := range []string{".DeleteItem", "DELETE"} {
		t.Run(release, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			var cut atomic.Bool
			wire := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, release) && !cut.Swap(true) }}
			report, err := w.run(wire, prune.Request{}, "request")
			if err != nil || !cut.Load() || len(report.Pruned) != 1 || len(report.Errors) > 0 || len(w.held()) > 0 {
				t.Errorf("%+v, %v; held %q", report, err, w.held())
			}
		})
	}
}

// The release of our lock object does not arrive, and then the object cannot be read: nobody knows whether it
// is ours still. The run does not say that all is well, and deletes nothing.
func TestALockThatCannotBeReadAfterItsRelease(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	var cut atomic.Bool
	wire := &local.Wire{Refuse: func(call string) bool {
		if call == "DELETE" {
			cut.Store(true)
		}
		return call == "DELETE"
	}}
	sealed := answers{wire, func(r *http.Request) bool {
		return cut.Load() && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".tflock")
	}, 403, "InvalidObjectState"}
	report, err := w.prunerOver(sealed).Run(t.Context(), prune.Request{}, "request")
	if err == nil || len(report.Pruned) > 0 || len(w.held()) != 1 || !w.Readable(key) {
		t.Errorf("%+v, %v; held %q", report, err, w.held())
	}
}

// A dry run that cannot read whether somebody has the lock does not say that it would prune.
func TestADryRunThatCannotReadTheLock(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	sealed := answers{&local.Wire{}, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".tflock") }, 500, "InternalError"}
	report, err := w.prunerOver(sealed).Run(t.Context(), prune.Request{DryRun: true}, "request")
	if err == nil && len(report.Errors) == 0 || len(report.Pruned) > 0 || slices.ContainsFunc(report.Kept, func(s policy.Stale) bool { return s.Fate == policy.WouldPrune }) {
		t.Errorf("%+v, %v", report, err)
	}
}
