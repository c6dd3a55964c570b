package repair_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The digest of a client that names the bucket by an access point is under that name: beside another state it stops each of its runs.
func TestARestoredVersionHasItsDigestBehindAnAccessPoint(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	versions, err := w.Set.Buckets[0].History(t.Context(), w.Path(key), "")
	if err != nil {
		t.Fatal(err)
	}
	w.Put(key, serial(t, 6))
	through := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/" + key)
	if err := w.Set.Tables[0].RestoreDigest(t.Context(), through, local.MD5(serial(t, 6))); err != nil {
		t.Fatal(err)
	}
	a, err := w.run(&local.Wire{}, w.request(policy.RestoreVersion, versions[0].ID))
	if err != nil || a.Outcome != repair.Repaired {
		t.Errorf("%+v, %v", a, err)
	}
	digest, err := w.Set.Tables[0].Digest(t.Context(), through)
	if state := local.MD5([]byte(w.content())); err != nil || state != local.MD5(serial(t, 5)) || digest != state {
		t.Errorf("the state is %s, and its clients compare it with %q: %v", state, digest, err)
	}
}

// Which bucket is behind an access point is not known: a digest there that is not of this state stays, and the answer names it.
func TestADigestBehindAnAccessPointThatIsNotOfTheStateIsNamed(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 6))
	through := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/" + key)
	other := local.MD5(serial(t, 7))
	if err := w.Set.Tables[0].RestoreDigest(t.Context(), through, other); err != nil {
		t.Fatal(err)
	}
	for _, action := range []policy.RepairAction{policy.AcceptState, policy.DeleteDigest} {
		a, err := w.run(&local.Wire{}, w.request(action, ""))
		if steps := strings.Join(a.NextSteps, "\n"); err != nil || a.Outcome != repair.NothingToDo || !strings.Contains(steps, string(through)+"-md5") || !strings.Contains(steps, other) {
			t.Errorf("%s: %+v, %v", action, a, err)
		}
		if digest, err := w.Set.Tables[0].Digest(t.Context(), through); err != nil || digest != other {
			t.Errorf("%s: the digest is %q, %v", action, digest, err)
		}
	}
}

// The version that a digest behind an access point belongs to is restored: the digest is right from then on, and nobody is asked to delete it.
func TestNobodyIsAskedToDeleteADigestThatIsRightAgain(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	versions, err := w.Set.Buckets[0].History(t.Context(), w.Path(key), "")
	if err != nil {
		t.Fatal(err)
	}
	w.Put(key, serial(t, 6))
	through := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/" + key)
	if err := w.Set.Tables[0].RestoreDigest(t.Context(), through, local.MD5(serial(t, 5))); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		r := w.request(policy.RestoreVersion, versions[0].ID)
		r.DryRun = dry
		a, err := w.run(&local.Wire{}, r)
		if err != nil || (a.Outcome != repair.Repaired && a.Outcome != repair.WouldRepair) {
			t.Errorf("%+v, %v", a, err)
		}
		if steps := strings.Join(a.NextSteps, "\n"); strings.Contains(steps, string(through)) {
			t.Errorf("dry run %v: %s", dry, steps)
		}
	}
}
