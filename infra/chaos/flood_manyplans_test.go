//go:build !race

package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// punctual is a topic that takes what comes in its time.
type punctual struct{ *flooded }

func (p punctual) Publish(ctx context.Context, e alert.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.flooded.Publish(ctx, e)
}

// A team leaves very many locks of one run that has ended, and gives them other tags before each scan, so that all of their
// releases are planned again and again. Another team hears of its stuck locks as without them, and what is planned stays bounded.
func TestVeryManyPlannedReleasesTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f, m, _, _ := newFlooded(t, "**")
		m.Scanner.SetLimit(10_000)
		m.Topic, f.world.Latency = punctual{f}, 16*time.Millisecond
		for i := range 990 {
			f.leave(fmt.Sprintf("a-team/%d", i))
		}
		for n := range 10 {
			f.now, f.tags = n, n
			if n == 1 {
				f.table.Put(f.lock("production/stuck", time.Hour))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			if _, err := m.Run(ctx); err != nil {
				t.Error(n, err)
			}
			cancel()
			time.Sleep(time.Until(start.Add(time.Duration(n+1) * 5 * time.Minute)))
		}
		if want := "[scan 08: lock.stuck states/production/stuck]"; fmt.Sprint(f.heard) != want {
			t.Errorf("heard: %q", f.heard)
		}
		if len(f.planned["states/a-team"]) < 3 {
			t.Errorf("planned: %v", f.planned)
		}
	})
}
