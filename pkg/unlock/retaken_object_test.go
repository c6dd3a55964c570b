package unlock_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// S3 dates an object that is taken again: young at first, and old enough after the guard, whatever was released before.
func TestAnObjectThatIsTakenAgainHasS3sTime(t *testing.T) {
	for name, stores := range map[string]func(w *world) []backend.Store{
		"an object": func(w *world) []backend.Store { return []backend.Store{w.Set.Buckets[0]} },
		"both":      func(w *world) []backend.Store { return []backend.Store{w.Set.Buckets[0], w.Set.Tables[0]} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			all := stores(w)
			w.Lock("k", "waiting", all...)
			h, _, err := all[0].Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Age(w.Bucket, "k.tflock", 20*time.Minute); err != nil { // it was taken before the release
				t.Fatal(err)
			}
			at := func(after time.Duration) *unlock.Unlocker {
				return w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, func() time.Time { return time.Now().Add(after) })
			}
			if a, err := at(0).Run(t.Context(), request(w, "waiting", ""), "request"); err != nil || a.Outcome != unlock.Released {
				t.Fatalf("%+v, %v", a, err)
			}
			time.Sleep(1100 * time.Millisecond) // S3's times are whole seconds
			for _, s := range all {
				if _, err := s.Acquire(t.Context(), w.Path("k"), []byte(h.Raw)); err != nil {
					t.Fatal(err)
				}
			}
			if a, err := at(5*time.Minute).Run(t.Context(), request(w, "waiting", ""), "soon"); err != nil || a.Outcome != unlock.Refused {
				t.Errorf("within the guard: %+v, %v", a, err)
			}
			if a, err := at(12*time.Minute).Run(t.Context(), request(w, "waiting", ""), "later"); err != nil || a.Outcome != unlock.Released {
				t.Errorf("after the guard: %+v, %v", a, err)
			}
		})
	}
}
