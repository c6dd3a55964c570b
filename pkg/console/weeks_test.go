package console_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
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

// The page has the last twelve reports, the newest first, and none of a page of some states.
func TestThePageHasTheLastTwelveWeeks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reports := ledger.NewReports(dynamodb.NewFromConfig(server.Config()), w.ledger)
	first := time.Date(2026, 8, 3, 8, 0, 0, 0, time.UTC)
	for n := range 14 {
		at := first.AddDate(0, 0, 7*n)
		taken := 100 + n
		body, err := json.Marshal(alert.Week{From: at.AddDate(0, 0, -7), To: at, Locks: alert.WeekLocks{Taken: &taken, ReleasedBy: []alert.Releaser{}}})
		if err != nil {
			t.Fatal(err)
		}
		id := ledger.Scheduled(at)
		if _, err := reports.Claim(t.Context(), id, "a", at, at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := reports.Published(t.Context(), id, body, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	draw := func(path string) string {
		c := &console.Console{
			Scanner: scan.New(w.set(), policy.Rules{Thresholds: policy.Thresholds{Default: time.Hour}, ReleaseGuard: time.Minute}, func() time.Time { return w.now }),
			Ledger:  ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.ledger), Unlock: unlocker, Prune: w.prune, Weeks: reports,
		}
		return c.Run(t.Context(), console.Request{Path: path, PageSize: 10}, widget.Context{}, self)
	}
	page := draw("")
	var want []string
	for n := 13; n > 1; n-- {
		want = append(want, fmt.Sprintf("%s %d", first.AddDate(0, 0, 7*n).Format(time.DateOnly), 100+n))
	}
	var got []string
	for _, row := range regexp.MustCompile(`(\d{4}-\d\d-\d\d)</th><td>(\d+)</td>`).FindAllStringSubmatch(page, -1) {
		got = append(got, row[1]+" "+row[2])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if page := draw("states/**"); strings.Contains(page, "The last weeks") {
		t.Error("a page of some states has the weeks of all")
	}
}
