package console

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// shownWeeks is how many weekly reports the page shows.
const shownWeeks = 12

type weeks interface {
	Latest(ctx context.Context, most int) ([]json.RawMessage, error)
}

// lastWeeks reads the latest weekly reports. Without them the page is as it was: they are
// no evidence of the current locks.
func (c *Console) lastWeeks(ctx context.Context) []alert.Week {
	if c.Weeks == nil {
		return nil
	}
	reports, err := c.Weeks.Latest(ctx, shownWeeks)
	if err != nil {
		return nil
	}
	var list []alert.Week
	for _, report := range reports {
		var week alert.Week
		if json.Unmarshal(report, &week) == nil {
			list = append(list, week)
		}
	}
	return list
}

// Weeks draws the last weeks as a table, the newest first. What was not measured is empty.
func Weeks(list []alert.Week) widget.Node {
	if len(list) == 0 {
		return widget.Node{}
	}
	rows := make([]widget.Node, len(list))
	for i, w := range list {
		median, longest := "", ""
		if r := w.TimeToResolve; r != nil {
			median, longest = policy.Words(time.Duration(r.MedianSeconds)*time.Second), policy.Words(time.Duration(r.LongestSeconds)*time.Second)
		}
		cells := []widget.Part{widget.El("th", widget.A("scope", "row"), widget.Text(w.To.UTC().Format(time.DateOnly)))}
		for _, cell := range []string{measured(w.Locks.Taken), measured(w.Locks.Stuck), median, longest, fmt.Sprint(w.Locks.Released), measured(w.OpenFindings), migrated(w.Locking)} {
			cells = append(cells, widget.El("td", widget.Text(cell)))
		}
		rows[i] = widget.El("tr", cells...)
	}
	return widget.All(widget.El("h2", widget.Text("The last weeks")), widget.Table(widget.Count(len(list), "weekly report"),
		[]string{"Week to", "Taken", "Stuck", "Gone after (median)", "Longest", "Released", "Open findings", "States with lockfiles"}, rows))
}

// migrated says how many of the states that were locked use a lockfile alone.
func migrated(m *alert.Migration) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d", m.Lockfile, m.Table+m.Both+m.Lockfile)
}

func measured(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}
