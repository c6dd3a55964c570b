package scan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// rules judge every lock here as stuck.
var rules = policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}

// open returns the stores of a world.
func open(t *testing.T, w *scale.World, tables, buckets []string) backend.Set {
	t.Helper()
	set, err := backend.Open(w.Online(t), tables, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestALockWithALongIDIsOneLock(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	content := func(_ int, path string) string {
		return `{"ID":"` + path[strings.IndexByte(path, '/'):] + long + `","Who":"me@` + strings.Repeat("é", 5000) + `"}`
	}
	crowd := scale.Crowd{States: 2, Locks: 2, Taken: time.Now().Add(-time.Hour), Content: content}
	set := open(t, &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", crowd)},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states", Crowd: crowd}},
	}, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	scanner := scan.New(set, rules, time.Now)
	found := scanner.Read(t.Context())
	found.Judge(ledger.Memory{}, 10)
	if found.Len() != 2 {
		t.Errorf("%d locks of two states, each with two halves", found.Len())
	}
	for _, j := range found.Worst {
		if len(j.Holdings) != 2 || len(j.Rivals) != 0 || !strings.HasPrefix(j.ID, "sha256:") || len(j.Info.Who) > 600 || !strings.HasSuffix(j.Info.Who, "é…") {
			t.Errorf("%d holdings, rivals %.100q, ID %.100s, who %.20s", len(j.Holdings), j.Rivals, j.ID, j.Info.Who)
		}
	}
}
