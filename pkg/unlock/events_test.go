package unlock_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// Each sample event leads to the outcome that its name says, where the stores are as
// that outcome needs them.
func TestSampleEventsLeadToTheirOutcome(t *testing.T) {
	const id, key = "78007e4f-7284-5b8c-b34c-620445a03e9c", "network/production/terraform.tfstate"
	w := newWorldIn(t, "states") // the bucket that the pasted text names
	held := func(key, id string) { w.Lock(key, id, w.Set.All()...) }
	prepare := map[string]func(){
		"released":                  func() { held(key, id) },
		"released-by-pasted-text":   func() { held(key, id) },
		"released-by-the-dashboard": func() { held(key, id) },
		"released-by-force":         func() { held(key, id); w.ahead = time.Minute },
		"would_release":             func() { held(key, id) },
		"refused":                   func() { held(key, id); w.ahead = time.Minute },
		"not_found":                 func() { held(key, id) },
		"changed":                   func() { held(key, "another") },
		"ambiguous":                 func() { held(key, id); held("other/terraform.tfstate", id) },
		"partial":                   func() { held(key, id) },
		"kept":                      func() { held(key, id) },
		"refused-automatically":     func() { held(key, id) }, // nothing was planned
		"invalid-no-reason":         func() {},
	}
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "unlock-*.json"))
	if err != nil || len(files) != len(prepare) {
		t.Fatalf("%d sample events for %d cases, %v", len(files), len(prepare), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "unlock-"), ".json")
		t.Run(name, func(t *testing.T) {
			w.clear()
			w.ahead = time.Hour
			prepare[name]()
			w.scan()
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, payload = widget.Split(payload)
			r, err := unlock.ParseRequest(payload)
			if strings.HasPrefix(name, "invalid") {
				if err == nil {
					t.Error("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var scanned atomic.Bool // stores are read side by side
			wire := &local.Wire{
				Before: func(call string) {
					if strings.HasSuffix(call, ".Scan") {
						scanned.Store(true)
					}
				},
				Refuse: func(call string) bool { return name == "partial" && call == "DELETE" },
			}
			a, err := w.run(wire, r)
			if want, _, _ := strings.Cut(name, "-"); err != nil || string(a.Outcome) != want {
				t.Errorf("got %+v, %v", a, err)
			}
			if pasted := r.Path != "" || strings.Contains(r.LockID, "Path"); scanned.Load() == pasted {
				t.Errorf("scanned every row: %v, though the text said the path: %v", scanned.Load(), pasted)
			}
		})
	}
}

// clear removes every lock.
func (w *world) clear() {
	w.Helper()
	for _, s := range w.Set.All() {
		for h, err := range s.Holdings(w.Context()) {
			if err == nil {
				err = s.Release(w.Context(), h)
			}
			if err != nil && err != backend.ErrGone { //nolint:errorlint // the contract is the sentinel itself
				w.Fatal(err)
			}
		}
	}
}
