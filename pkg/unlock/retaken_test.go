package unlock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A client whose answer was lost waits, with -lock-timeout, for a row of its own. Once somebody releases it the client
// takes it again, with the same ID and the same bytes, and works: it is as young as any other lock then.
func TestALockThatIsTakenAgainIsAsYoungAsAnyOther(t *testing.T) {
	for name, scans := range map[string]struct{ without, with bool }{"at once": {}, "after a scan": {with: true}, "after a scan that saw it gone": {true, true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			table := w.Set.Tables[0]
			w.Lock("k", "waiting", table)
			row, _, err := table.Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			w.scan()
			at := func(after time.Duration) *unlock.Unlocker {
				return w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, func() time.Time { return time.Now().Add(after) })
			}
			a, err := at(12*time.Minute).Run(t.Context(), request(w, "waiting", ""), "request")
			if err != nil || a.Outcome != unlock.Released {
				t.Fatalf("the row that nobody knows he has: %+v, %v", a, err)
			}
			if scans.without {
				w.scanAfter(13 * time.Minute)
			}
			if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(row.Raw)); err != nil {
				t.Fatal(err)
			}
			if scans.with {
				w.scanAfter(14 * time.Minute)
			}
			a, err = at(15*time.Minute).Run(t.Context(), request(w, "waiting", ""), "again")
			if err != nil || a.Outcome != unlock.Refused || len(w.held()) != 1 {
				t.Errorf("a run of three minutes: %+v, %v; left %q", a, err, w.held())
			}
			if waits := strings.Contains(strings.Join(a.NextSteps, "\n"), "wait 10m"); waits != scans.without {
				t.Errorf("waiting helps where a scan saw it gone: %q", a.NextSteps)
			}
		})
	}
}

func (w *world) oneTable() backend.Set {
	w.Helper()
	set, err := backend.Open(server.Config(), []string{w.TableARN}, []string{w.BucketARN})
	if err != nil {
		w.Fatal(err)
	}
	return set
}
