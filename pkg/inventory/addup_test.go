//go:build !race

package inventory_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Whoever writes other digests each day, and more than a run looks at, does not have the inventory remember more and more findings: its
// memory would be too large for any run, and nobody learn of anything.
func TestFindingsOfOnePrefixDoNotAddUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := scale.Stock(0, 0)
		a := slowStates{accountOver(t, world, scale.Config(scale.Direct{World: world}))}
		a.inventory.Wait = inventory.Sleep
		a.inventory.MemoryLimit = 2 << 20
		const many = 250 // more than there is room for
		a.wrongDigest("team-b/x.tfstate")
		first := 0
		for day := range 6 {
			for i := range many {
				world.Tables["locks"].Remove(fmt.Sprintf("states/team-a/%d-%d.tfstate-md5", day-1, i))
				a.wrongDigest(fmt.Sprintf("team-a/%d-%d.tfstate", day, i)) // of no state
			}
			report := a.inTime()
			switch found := len(report.Findings) + report.Omitted; {
			case day == 0:
				first = found
			case found > 2*first:
				t.Errorf("day %d: %d findings are remembered, and there were %d on the first day: %q", day, found, first, report.Errors)
			}
		}
		a.finds(policy.FindingDigestOrphan, "team-b/x.tfstate")
	})
}
