package repair_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A client that has the alias of an access point as `bucket`, and locks in the table, has its lock under that name.
func TestAStateThatIsLockedThroughAnAccessPointIsNotRepaired(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	versions, err := w.Set.Buckets[0].History(t.Context(), w.Path(key), "")
	if err != nil {
		t.Fatal(err)
	}
	w.Put(key, serial(t, 6))
	live := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/" + key)
	if err := local.TakeLock(t.Context(), live, "live", w.Set.Tables[0]); err != nil {
		t.Fatal(err)
	}
	a, err := w.run(&local.Wire{}, w.request(policy.RestoreVersion, versions[0].ID))
	if err != nil || a.Outcome != repair.Locked || w.content() != string(serial(t, 6)) {
		t.Errorf("under a live apply: %+v, %v", a, err)
	}
}
