//go:build !race

package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// A prefix with more new locks in each scan than the ledger takes leaves it room for those of others: what is not on record has no age that is
// proven, and nobody may release it.
func TestAFloodLeavesTheLedgerRoomForOthers(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		wire := &busyLedger{Direct: scale.Direct{World: world}}
		m := monitorOver(t, world, wire)
		world.Tables["locks"].Put(scale.Lock("states/prod/x", "prod", time.Now()))
		for scan := range 4 {
			for i := range 1000 {
				world.Tables["locks"].Remove(fmt.Sprintf("states/dev/%d-%d", scan-1, i))
				world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d-%d", scan, i), fmt.Sprintf("%d-%d", scan, i), time.Now().Add(-20*time.Minute)))
			}
			wire.takes = 950
			report, _ := m.Run(t.Context()) // not everything is recorded
			for _, l := range report.Locks {
				if l.Path == "states/prod/x" && l.HeldAtLeastSeconds < int64(scan*300) {
					t.Errorf("scan %d: it is held for %d seconds, as far as is known", scan, l.HeldAtLeastSeconds)
				}
			}
			time.Sleep(5 * time.Minute)
		}
	})
}
