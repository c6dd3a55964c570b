package monitor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// once loses the first message.
type once struct {
	monitor.Topic
	lost bool
}

func (o *once) Publish(ctx context.Context, e alert.Event) error {
	if !o.lost {
		o.lost = true
		return errors.New("the mail server is restarting")
	}
	return o.Topic.Publish(ctx, e)
}

// What is wrong with a store is reported seldom: a mail that is lost takes nothing of that away where no name is in it.
func TestAMailThatIsLostTakesNoCauseAway(t *testing.T) {
	t.Parallel()
	for _, unsafe := range []bool{false, true} {
		s := simulate(t)
		topic := &once{Topic: s}
		said := ""
		for i := range 3 {
			at := simStart.Add(time.Duration(i) * time.Minute)
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{simBucket}, Failures: map[string]scan.Failure{}}
			if unsafe {
				found.Unsafe = map[string]string{simBucket: simBucket + ": THE CAUSE"}
			} else {
				found.Failures[simBucket] = scan.Failure{Problem: simBucket + ": THE CAUSE"}
			}
			_ = monitor.Notify(t.Context(), s, topic, s.memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: time.Minute, Retention: monitor.Retention})
		}
		for _, e := range s.events {
			said += e.Text + "\n"
		}
		if !strings.Contains(said, "THE CAUSE") {
			t.Errorf("unsafe %v: people were notified of\n%s", unsafe, said)
		}
	}
}
