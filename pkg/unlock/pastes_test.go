package unlock_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// Whatever on-call pastes, what clients really print included, releases the lock that it
// names, without a question.
func TestPastesReleaseTheirLock(t *testing.T) {
	t.Parallel()
	const id, key = "8e1b6c40-2f5a-4d07-b3c9-71a0e5d2f968", "payments/production/terraform.tfstate"
	files, err := filepath.Glob(filepath.Join(local.Root(), "pkg", "tflock", "testdata", "*", "*.txt"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	w := newWorld(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.Lock(key, id, w.Set.Buckets[0])
		pasted := strings.ReplaceAll(string(text), "acme-states/", w.Bucket+"/") // also where a line ends within the key
		payload, err := json.Marshal(map[string]string{"lock_id": pasted, "reason": "its laptop died"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := unlock.ParseRequest(payload)
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(file), err)
		}
		if a, err := w.run(&local.Wire{}, r); err != nil || a.Outcome != unlock.Released || a.Lock == nil || a.Lock.ID != id {
			t.Errorf("%s: got %+v, %v", filepath.Base(file), a, err)
			w.clear()
		}
	}
}
