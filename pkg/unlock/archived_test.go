package unlock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A lock object that was archived, or whose key may not be used, is one unreadable lock with an age: people
// are notified of it, its neighbours are released whole, by their IDs alone too, and those that their holders release are resolved.
func TestALockObjectThatCannotBeReadHidesNoNeighbour(t *testing.T) {
	for name, hide := range map[string]func(w *world){
		"archived":           func(w *world) { w.archived = "/away.tflock" },
		"a key of its owner": func(w *world) { w.denied = "/away.tflock" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, key := range []string{"away", "released", "stuck"} {
				w.Lock(key, key, w.Set.Buckets[0])
			}
			hide(w)
			w.scan()
			if report := w.scanAfter(w.ahead); !report.Complete || report.Held != 2 || report.Stuck != 2 || report.Unreadable != 1 || !slices.Equal(w.published(), []string{"lock.unreadable", "lock.stuck", "lock.stuck"}) {
				t.Errorf("people heard %q: %+v", w.published(), report)
			}
			a, err := w.run(&local.Wire{}, request(w, "stuck", ""))
			if err != nil || a.Outcome != unlock.Released {
				t.Errorf("the release: %+v, %v", a, err)
			}
			// Force does not release what cannot be read, so nobody is warned of its consequences.
			a, err = w.run(&local.Wire{}, request(w, "away", fmt.Sprintf(`,"path":%q,"dry_run":true,"force":true`, w.Path("away"))))
			if err != nil || a.Outcome != unlock.Refused || strings.Contains(a.Message, "two writers") {
				t.Errorf("the release of what cannot be read: %+v, %v", a, err)
			}
			h, _, err := w.Set.Buckets[0].Find(t.Context(), w.Path("released"))
			if err == nil {
				err = w.Set.Buckets[0].Release(t.Context(), h)
			}
			if err != nil {
				t.Fatal(err)
			}
			heard := len(w.published())
			for range 2 {
				w.scanAfter(w.ahead + 5*time.Minute)
			}
			if later := w.published()[heard:]; !slices.Equal(later, []string{"lock.resolved", "lock.resolved"}) {
				t.Errorf("people heard %q of two neighbours that are gone", later)
			}
		})
	}
}
