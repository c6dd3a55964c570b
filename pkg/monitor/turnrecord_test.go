//go:build !race

package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

// A prefix with more new locks in each scan than the ledger takes leaves it room for those of others: what is not on record has no age that is
// proven, and nobody may release it.
func TestAFloodLeavesTheLedgerRoomForOthers(t *testing.T) {
	t.Parallel()
	world := &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	wire := &busyLedger{Direct: scale.Direct{World: world}}
	cfg := scale.Config(wire)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m := newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", func() time.Time { return now })
	world.Tables["locks"].Put(scale.Lock("states/prod/x", "prod", now))
	for scan := range 4 {
		for i := range 1000 {
			world.Tables["locks"].Remove(fmt.Sprintf("states/dev/%d-%d", scan-1, i))
			world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d-%d", scan, i), fmt.Sprintf("%d-%d", scan, i), now.Add(-20*time.Minute)))
		}
		wire.takes = 950
		report, _ := m.Run(t.Context()) // not everything is recorded
		for _, l := range report.Locks {
			if l.Path == "states/prod/x" && l.HeldAtLeastSeconds < int64(scan*300) {
				t.Errorf("scan %d: it is held for %d seconds, as far as is known", scan, l.HeldAtLeastSeconds)
			}
		}
		now = now.Add(5 * time.Minute)
	}
}
