//go:build !race

package monitor_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// People who know that a folder is crowded do not know of another one where S3 fails to give a lock.
func TestACrowdedFolderHidesNoOther(t *testing.T) {
	t.Parallel()
	for _, flooded := range []string{"", "dev/", "env:/dev/", "prod/dev/", "env:/dev/%d/", "prod/dev/%d/"} {
		t.Run(flooded, func(t *testing.T) {
			t.Parallel()
			state := "prod/x"
			if strings.HasPrefix(flooded, "env:/") {
				state = "env:/prod/x"
			}
			ownClock(t, func(t *testing.T) {
				a, tap := overheard(t)
				a.monitor.Scanner.SetLimit(40)
				tap.withheld = []string{state + ".tflock"}
				for i := range strings.Count(flooded, "%d") * 4 {
					a.fillBucket(strings.ReplaceAll(flooded, "%d", strconv.Itoa(i)), crowd/4)
				}
				if !strings.Contains(flooded, "%d") && flooded != "" {
					a.fillBucket(flooded, crowd)
				}
				a.scans(30*5, func(int) {})
				from, known := time.Now(), len(tap.failures())
				a.lockObject(state)
				a.scans(24*12-30*5, func(int) {})
				if learned := tap.failures()[known:]; len(learned) == 0 || learned[0].Sub(from) > 30*time.Minute {
					t.Errorf("people learn %s, and not of the lock within half an hour", tap.types())
				}
			})
		})
	}
}

// Whoever has a lock object that S3 does not give come and go does not keep people from learning that it does not give one of another prefix.
func TestAnObjectThatComesAndGoesHidesNoOther(t *testing.T) {
	t.Parallel()
	for _, comesAndGoes := range []bool{false, true} {
		ownClock(t, func(t *testing.T) {
			a, tap := overheard(t)
			tap.withheld = []string{"prod/x.tflock", "dev/x.tflock"}
			a.lockObject("prod/x")
			from := time.Now()
			a.scans(12*12, func(scan int) {
				switch {
				case comesAndGoes && scan%2 == 0:
					a.lockObject("dev/x")
				case comesAndGoes:
					a.world.Buckets["states"].Remove("dev/x.tflock")
				}
			})
			if len(tap.events) == 0 || tap.events[0].Time.Sub(from) > 30*time.Minute {
				t.Errorf("another comes and goes: %v; people learn %q, and not of the lock within half an hour", comesAndGoes, tap.types())
			}
		})
	}
}

// Whoever keeps a folder crowded does not keep the alarm red that rings when nobody can be notified.
func TestACrowdedFolderFailsNoScan(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t)
		a.monitor.Scanner.SetLimit(40)
		a.crowdTable("dev/")
		report, err := a.monitor.Run(t.Context())
		if err != nil || len(report.Errors) != 1 || tap.types() != "scan.failed" {
			t.Errorf("published %q, the answer says %q; error: %v", tap.types(), report.Errors, err)
		}
		tap.expect(nil, []string{"UpdateItem"})
		if _, err := a.monitor.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody was notified") {
			t.Errorf("without the ledger: %v", err)
		}
	})
}
