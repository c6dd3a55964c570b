package stack

import (
	"fmt"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
)

// What one inventory of stocked states does, of which a twentieth changed since the one
// before, twice each: their versions are listed, and each new one is read. The calls are what a test of pkg/inventory counts; the duration is what the CPU time
// that it took here (docs/measurements.md) is with two sevenths of a processor, and the waiting.
const (
	stocked          = 10_000
	inventoryLists   = stocked/1000 + stocked/20
	inventoryGets    = stocked/20*2 + 2
	inventoryPuts    = 6
	inventoryReads   = 2 << 20 / 4096 / 2 // of two megabytes of digests, not consistently
	inventorySeconds = 20.0
)

// perS3Put is the price of an S3 PUT in dollars.
const perS3Put = 0.005 / 1000

// inventoryCost is what the inventories of a month cost.
func inventoryCost(t deploycheck.Template) (Item, error) {
	runs, err := perMonth(t, "InventorySchedule")
	memory, _ := t.Resources["InventoryFunction"].Properties["MemorySize"].(float64)
	if err == nil && memory == 0 {
		err = fmt.Errorf("InventoryFunction has no MemorySize")
	}
	return Item{
		fmt.Sprintf("%.0f inventories of %d states, a twentieth changed twice", runs, stocked),
		runs * (inventoryLists*perList + inventoryGets*perGet + inventoryPuts*perS3Put + inventoryReads*perRead + inventorySeconds*memory/1024*perGigabyteSpent),
	}, err
}
