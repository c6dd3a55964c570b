package unlock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

type taker interface {
	backend.Store
	Acquire(ctx context.Context, path tflock.Path, raw []byte) (tflock.Holding, error)
}

// Two people release a lock. While the questions of the first one take their time the second one's release ends, and the client, which waited
// for its own lock since it never got an answer, takes it again with the same bytes: that one is seconds old, and stays.
func TestTwoReleasesAtOnceRemoveNoLockThatIsTakenAgain(t *testing.T) {
	for _, name := range []string{"row", "object"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var store taker = w.Set.Tables[0]
			if name == "object" {
				store = w.Set.Buckets[0]
			}
			w.Lock("k", "waiting", store)
			held, _, err := store.Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			w.scan()
			at := func() *unlock.Unlocker {
				return w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, func() time.Time { return time.Now().Add(12 * time.Minute) })
			}
			first := at()
			first.Runs = &evidence.Runs{Open: func(ctx context.Context) (evidence.Opened, error) {
				if a, err := at().Run(ctx, request(w, "waiting", ""), "second"); err != nil || a.Outcome != unlock.Released {
					t.Errorf("the second release: %+v, %v", a, err)
				}
				if _, err := store.Acquire(ctx, w.Path("k"), []byte(held.Raw)); err != nil {
					t.Error(err)
				}
				return evidence.Opened{}, errors.New("no answer in time")
			}}
			a, err := first.Run(t.Context(), request(w, "waiting", ""), "first")
			if err == nil || len(w.held()) != 1 {
				t.Errorf("the lock that was taken again: %+v, %v, left %q", a, err, w.held())
			}
		})
	}
}
