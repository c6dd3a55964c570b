package prune_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// Another team has put a character that XML cannot have into a key that begins like this state's, or this state has one. The
// list of its versions has those keys too. The state is pruned and restored all the same.
func TestACharacterThatXMLCannotHaveStopsNoRestore(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]struct{ pruned, other string }{
		"in a key of another team": {"branches/app", "branches/app-b/\x01"},
		"in the state's own key":   {"branches/app\x01", "branches/app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stale(keys.pruned, local.State(t, "destroyed"))
			w.Put(keys.other, local.State(t, "destroyed"))
			if report := w.prune(); len(report.Pruned) != 1 || report.Pruned[0].Path != w.Path(keys.pruned) {
				t.Fatalf("%+v", report)
			}
			answer, err := w.pruner(server.Config()).Restore(t.Context(), w.Path(keys.pruned), "restore")
			if err != nil || answer.Outcome != prune.Restored || !w.Readable(keys.pruned) {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
}
