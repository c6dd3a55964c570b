//go:build !race

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// playAutomatic runs the monitor every five minutes for some hours, with everything selected for automatic release.
// Before each scan somebody does what they like, and at the 30th production's run leaves a lock.
func playAutomatic(t *testing.T, hours int, before func(f *flooded)) (f *flooded) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		flooded, m, _, _ := newFlooded(t, "**")
		for f = flooded; n < 12*hours; n++ {
			f.now = n
			before(f)
			if n == 30 {
				f.leave(endedKey)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			if _, err := m.Run(ctx); err != nil {
				t.Error(err)
			}
			cancel()
			time.Sleep(time.Until(start.Add(time.Duration(n+1) * 5 * time.Minute)))
		}
	})
	return f
}

// leave has a run take the lock of a state that was written long ago, and leave it.
func (f *flooded) leave(key string) {
	f.object(key, string(f.raw(key, 0)))
	f.bucket.Put(key, "{}", time.Now().Add(-24*time.Hour))
}

func nothing(*flooded) {}

// A team whose locks AutoRelease selects gives them other tags before each scan, so that each scan plans other releases. People
// get a bounded number of messages about that, and hear of the planned release of another team as without it.
func TestPlannedReleasesOfOnePrefixDoNotFillTheChannel(t *testing.T) {
	t.Parallel()
	const hours = 4
	calm := playAutomatic(t, hours, nothing).planned["states/production"]
	flooded := playAutomatic(t, hours, func(f *flooded) {
		f.tags = f.now
		for i := range 10 { // of more than that all share one message
			if f.now == 0 {
				f.leave(fmt.Sprintf("a-team/%d", i))
			}
		}
	}).planned
	if got := flooded["states/production"]; fmt.Sprint(got) != fmt.Sprint(calm) || len(calm) != 1 {
		t.Errorf("the release of production's lock was announced at %s, and without the flood at %s", got, calm)
	}
	hostile := flooded["states/a-team"]
	if len(hostile) < hours {
		t.Errorf("%d messages about planned releases of a-team's locks in %d hours: each of them must be announced at last", len(hostile), hours)
	}
	const most = 2 * ledger.MostMessages // the ten that an hour may have, and those of the scan that reaches them
	for i := most; i < len(hostile); i++ {
		if hostile[i].Sub(hostile[i-most]) < time.Hour-5*time.Minute {
			t.Fatalf("%d messages about planned releases of a-team's locks within an hour, %d in all", most+1, len(hostile))
		}
	}
}

// A team whose runs ended earlier, and left many locks, has three of them released in an hour. Another team's lock is
// among those of the next hour all the same.
func TestReleasesOfOnePrefixDoNotUseUpTheBrake(t *testing.T) {
	t.Parallel()
	f := playAutomatic(t, 5, func(f *flooded) {
		for i := range 30 {
			if f.now == 0 {
				f.leave(fmt.Sprintf("a-team/%d", i))
			}
		}
	})
	released := func(of string) (lines []string) {
		for _, line := range f.heard {
			if strings.Contains(line, "automatic release of states/"+of) && strings.Contains(line, "released") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	hostile, production := released("a-team"), released(endedKey)
	if len(hostile) < 9 || len(production) != 1 || production[0] > "scan 50" {
		t.Errorf("%d locks of a-team were released, and of production %q", len(hostile), production)
	}
}
