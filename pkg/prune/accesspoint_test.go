package prune_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Clients that have the alias of an access point as `bucket` lock and keep their digests under its name: the state is in the bucket.
func TestAStateThatIsLockedThroughAnAccessPointIsKept(t *testing.T) {
	t.Parallel()
	through := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/" + key)
	for name, locked := range map[string]bool{"a lock": true, "a digest alone": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			table := w.Set.Tables[0]
			content := local.State(t, "destroyed")
			w.stale(key, content)
			if err := table.DeleteDigest(t.Context(), w.Path(key), local.MD5(content)); err != nil {
				t.Log(err)
			}
			if err := table.RestoreDigest(t.Context(), through, local.MD5(content)); err != nil {
				t.Fatal(err)
			}
			if locked {
				if err := local.TakeLock(t.Context(), through, "live", table); err != nil {
					t.Fatal(err)
				}
			}
			report := w.prune()
			digest, err := table.Digest(t.Context(), through)
			if err != nil || len(report.Pruned) > 0 && (digest != "" || locked) {
				t.Errorf("pruned although its clients are at work, or would fail with the digest that is left: %s; digest left %q, locks %v, %v", strings.Join(fates(report), "; "), digest, w.held(), err)
			}
		})
	}
}
