//go:build !race

package report_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/report"
)

// A quarter gives twelve reports, and each figure is the one that the simulation's own log
// says, whatever fails meanwhile. Every event is delivered twice, and published once.
func TestAQuarterOfReports(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 5043, 1795872534363047748} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			q := newQuarter(rand.New(rand.NewPCG(seed, 7))) //nolint:gosec // the same quarter for the same seed
			w := newWorld(t, q)
			for n := 1; n <= 12; n++ {
				to := monday.AddDate(0, 0, 7*n)
				w.until(to)
				w.now = to.Add(20 * time.Second)
				w.broken = n % 3 / 2 // the topic is down for a moment, and Lambda asks again
				request := report.Request{ScheduledTime: to}
				week, err := w.reporter().Run(t.Context(), request, "a")
				if err != nil {
					w.now = w.now.Add(time.Minute)
					week, err = w.reporter().Run(t.Context(), request, "a")
				}
				w.check(err)
				again, err := w.reporter().Run(t.Context(), request, "b")
				w.check(err)
				if diff := gocmp.Diff(week, again); diff != "" {
					t.Errorf("week %d: a second delivery answers something else: %s", n, diff)
				}
				want := q.report(to, w.now)
				if diff := gocmp.Diff(want, week); diff != "" {
					t.Fatalf("week %d: %s", n, diff)
				}
				if len(w.events) != n || w.events[n-1].Type != alert.WeeklyReport || !w.events[n-1].Week.To.Equal(want.To) {
					t.Fatalf("week %d: %d events", n, len(w.events))
				}
			}
			kept, err := w.reports.Latest(t.Context(), 12)
			w.check(err)
			var newest alert.Week
			w.check(json.Unmarshal(kept[0], &newest))
			if len(kept) != 12 || !newest.To.Equal(w.events[11].Week.To) {
				t.Errorf("%d reports are kept", len(kept))
			}
		})
	}
}
