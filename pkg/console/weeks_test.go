package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

func TestTheLastWeeksAreATable(t *testing.T) {
	t.Parallel()
	taken, stuck, open := 412, 9, 3
	to := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	page := widget.Page(widget.Context{}, console.Weeks([]alert.Week{
		{To: to, Locks: alert.WeekLocks{Taken: &taken, Stuck: &stuck, Released: 11}, TimeToResolve: &alert.Resolve{MedianSeconds: 42 * 60, LongestSeconds: 3 * 3600}, OpenFindings: &open, Locking: &alert.Migration{Table: 12, Both: 3, Lockfile: 30}},
		{To: to.AddDate(0, 0, -7)}, // no scan in it
	}))
	for _, want := range []string{"2 weekly reports", "2026-11-23</th><td>412</td><td>9</td><td>42m</td><td>3h</td><td>11</td><td>3</td><td>30 of 45</td>", "2026-11-16</th><td></td><td></td><td></td><td></td><td>0</td><td></td><td></td>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	if page := widget.Page(widget.Context{}, console.Weeks(nil)); strings.Contains(page, "weeks") {
		t.Error("without a report there is no table")
	}
}
