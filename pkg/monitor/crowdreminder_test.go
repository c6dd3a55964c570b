//go:build !race

package monitor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Whoever has one folder crowded after the other, each in a scan, keeps neither the reminder of another prefix's failure back, nor makes each
// message about a folder critical.
func TestFoldersThatAreCrowdedInTurnKeepNoReminderBack(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t)
		a.monitor.Scanner.SetLimit(40)
		tap.withheld = []string{"prod/x.tflock"}
		a.lockObject("prod/x")
		a.fillBucket("dev/base/", crowd/3)
		folder := func(scan int) string { return "dev/" + strings.Repeat("a/", 400-scan) }
		a.scans(16*12, func(scan int) {
			for i := range 22 {
				a.world.Buckets["states"].Remove(fmt.Sprintf("%sobject-%d.tflock", folder(scan-1), i))
			}
			a.fillBucket(folder(scan), 22)
		})
		critical := 0
		for _, e := range tap.events {
			if e.Type == alert.ScanFailed && e.Severity == alert.Critical {
				critical++
			}
		}
		if critical != 1 {
			t.Errorf("%d of %d messages are critical, and not the one reminder after half a day", critical, len(tap.events))
		}
	})
}
