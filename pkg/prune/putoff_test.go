package prune_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// filter is a mail server that puts off what has a text in it, each time that it comes.
type filter struct {
	text   string
	events []alert.Event
}

func (f *filter) Publish(_ context.Context, e alert.Event) error {
	if slices.ContainsFunc(e.States, func(s policy.Stale) bool { return strings.Contains(string(s.Path), f.text) }) || strings.Contains(e.Text, f.text) {
		return errors.New("the mail was not sent: 451")
	}
	f.events = append(f.events, e)
	return nil
}

// A mail server puts each report off that names one team's state. People learn how many states were pruned all the same, and the next runs do
// not begin with all that the earlier ones did.
func TestAReportThatIsPutOffIsSentWithoutItsList(t *testing.T) {
	w := newWorld(t)
	topic := &filter{text: "branches/hostile"}
	for run := range 2 {
		w.stale(fmt.Sprintf("branches/hostile/%d.tfstate", run), local.State(t, "destroyed"))
		w.stale(fmt.Sprintf("branches/prod/%d.tfstate", run), local.State(t, "destroyed"))
		p := w.pruner(server.Config())
		p.Topic = topic
		_, err := p.Run(t.Context(), prune.Request{}, fmt.Sprint("request ", run))
		if again := run == 1; again != (err == nil) {
			t.Errorf("run %d: %v", run, err)
		}
		w.later(time.Hour)
	}
	if len(topic.events) != 1 || topic.events[0].Prune.Pruned != 4 {
		t.Errorf("published: %+v", topic.events)
	}
	if left, err := w.ledger().Unreported(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d are not reported yet, %v", len(left), err)
	}
}

// Where a run deletes nothing, no later one knows that its report was not taken: each has the same paths, and is put off the same way.
func TestAReportOfNothingDeletedThatIsPutOffIsSentWithoutItsList(t *testing.T) {
	for name, reportOnly := range map[string]bool{"with PruneMode=report": true, "where states still manage resources": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.rules.ReportOnly = reportOnly
			topic := &filter{text: "branches/hostile"}
			w.stale("branches/hostile/x.tfstate", local.State(t, "applied"))
			w.stale("branches/prod/x.tfstate", local.State(t, "applied"))
			for run := range 3 {
				p := w.pruner(server.Config())
				p.Topic = topic
				_, err := p.Run(t.Context(), prune.Request{}, fmt.Sprint("request ", run))
				t.Logf("run %d: %v", run, err)
				w.later(7 * 24 * time.Hour)
			}
			if len(topic.events) == 0 {
				t.Errorf("in three weeks nobody learns of the states that still manage resources")
			}
		})
	}
}
