//go:build !race

package monitor_test

import (
	"testing"
)

// Whoever keeps a folder crowded keeps the failure of its store open, so that people are not notified that another folder can be read again. They are
// notified when that one cannot be read for the second time.
func TestAFolderThatIsCrowdedAgainIsNewWhileAnotherOneIs(t *testing.T) {
	t.Parallel()
	for _, flooded := range []string{"dev/", "prod/dev/"} {
		t.Run(flooded, func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				a, tap := overheard(t)
				a.monitor.Scanner.SetLimit(40)
				tap.withheld = []string{"prod/x.tflock"}
				a.fillBucket(flooded, crowd)
				known := 0
				a.scans(12*6, func(scan int) {
					switch scan {
					case 11, 35: // for half an hour, and again an hour and a half after that
						known = len(tap.failures())
						a.lockObject("prod/x")
					case 17:
						a.world.Buckets["states"].Remove("prod/x.tflock")
					case 41:
						if len(tap.failures()) == known {
							t.Errorf("in half an hour people learn nothing of it: %s", tap.types())
						}
					}
				})
			})
		})
	}
}
