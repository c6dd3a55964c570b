package unlock_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// While a release waits for a replica, the client that waited for its own row takes it again, and somebody repeats the release.
func TestARepeatWhileAReplicaIsAwaitedKnowsWhatWent(t *testing.T) {
	w := newWorld(t)
	far := "us-east-1"
	if far == local.Region {
		far = "eu-west-1"
	}
	farARN, err := server.In(far).MakeTable(t.Context(), w.Table, "LockID")
	if err != nil {
		t.Fatal(err)
	}
	g := &global{HTTPClient: http.DefaultClient, table: w.Table, writes: map[string]json.RawMessage{}}
	cfg := server.Config()
	cfg.HTTPClient = g
	open := func(hooked bool) backend.Set {
		c := server.Config()
		if hooked {
			c = cfg
		}
		set, err := backend.Open(c, []string{w.TableARN, farARN}, []string{w.BucketARN})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	plain := open(false)
	near := plain.Tables[0]
	if err := local.TakeLock(t.Context(), w.Path("k"), "waiting", near); err != nil {
		t.Fatal(err)
	}
	row, _, err := near.Find(t.Context(), w.Path("k"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Tables[1].Acquire(t.Context(), w.Path("k"), []byte(row.Raw)); err != nil { // as replication does
		t.Fatal(err)
	}
	if _, err := w.newMonitor(w.newUnlocker(server.Config(), plain, 30*time.Minute, time.Now)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := func(hooked bool) *unlock.Unlocker {
		u := w.newUnlocker(server.Config(), open(hooked), 30*time.Minute, func() time.Time { return time.Now().Add(12 * time.Minute) })
		u.ReplicaTime = 100 * time.Millisecond
		return u
	}
	taken := false
	g.before = func(region, call string) {
		if region != far || taken || !slices.Contains(g.calls, local.Region+" DeleteItem") {
			return
		}
		taken = true
		if _, err := near.Acquire(t.Context(), w.Path("k"), []byte(row.Raw)); err != nil {
			t.Error(err)
		}
		if a, err := later(false).Run(t.Context(), request(w, "waiting", ""), "again"); err != nil || a.Outcome != unlock.Refused {
			t.Errorf("a run of a moment: %+v, %v", a, err)
		}
	}
	if a, err := later(true).Run(t.Context(), request(w, "waiting", ""), "request"); err != nil || a.Outcome != unlock.Partial {
		t.Errorf("%+v, %v", a, err)
	}
	if _, there, err := near.Find(t.Context(), w.Path("k")); err != nil || !there || !taken {
		t.Errorf("the lock that its client took again is gone: %v, %v", taken, err)
	}
}
