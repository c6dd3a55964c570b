package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// Whoever may write one prefix puts a lock with the ID of another team's live one in the place of their own while somebody releases that, and takes it
// away again. The answer must not ask for its ID alone: that releases the live lock.
func TestAnAnswerAboutAnotherLockAsksForItsPathToo(t *testing.T) {
	w := newWorld(t)
	const key = "team-x/terraform.tfstate"
	w.Lock("production/terraform.tfstate", victim, w.Set.Buckets[0])
	w.Lock(key, victim, w.Set.Buckets[0])
	w.scan()
	path := `,"path":"` + string(w.Path(key)) + `"`
	a, err := w.run(&local.Wire{}, request(w, "3f0c1d9a-6f0e-4c57-9d55-2b7f8d1c0a11", path))
	steps := strings.Join(a.NextSteps, "\n")
	if err != nil || a.Outcome != unlock.Changed || !strings.Contains(a.Message, victim) || !strings.Contains(steps, "same path") {
		t.Errorf("%+v, %v", a, err)
	}
}
