//go:build !race

package unlock_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// Looking for an ID keeps paths only, whatever is in the rows.
func TestASearchTakesLittleMemory(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 300_000)
	for i := range 60 {
		raw := fmt.Sprintf(`{"ID":"id-%d","Who":%q}`, i, long)
		if i%2 == 0 {
			raw = long // unreadable
		}
		if _, err := w.Set.Tables[0].Acquire(t.Context(), w.Path(fmt.Sprint(i)), []byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	r := request(w, "not-there", "")
	peak := uint64(0)
	var mu sync.Mutex // stores are read side by side
	wire := &local.Wire{Before: func(string) {
		mu.Lock()
		defer mu.Unlock()
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if a, err := w.run(wire, r); err != nil || a.Outcome != unlock.NotFound {
		t.Fatalf("got %+v, %v", a, err)
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d MB of 18 were kept", grown>>20)
	}
}
