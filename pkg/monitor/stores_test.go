package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// stores watches n tables that fail, and returns what is published after each wait.
func stores(t *testing.T, n int, waits ...time.Duration) []alert.Event {
	t.Helper()
	s := simulate(t)
	for _, at := range waits {
		_ = s.failing(t, simStart.Add(at), s, n) // it fails in every scan: what is published counts
	}
	return s.events
}

func (s *simulation) failing(t *testing.T, at time.Time, topic monitor.Topic, n int) error {
	t.Helper()
	found := &scan.Scan{Started: at, Ended: at, Failures: map[string]scan.Failure{}}
	for i := range n {
		arn := fmt.Sprintf("arn:table/%02d", i)
		found.Watched = append(found.Watched, arn)
		found.Failures[arn] = scan.Failure{Problem: arn + ": it does not exist"}
	}
	return monitor.Notify(t.Context(), s, topic, s.memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Retention: monitor.Retention})
}

func TestRemindersOfFailingStoresShareAMessage(t *testing.T) {
	for name, tc := range map[string]struct {
		stores int
		want   string // severities, and how many stores each message names
	}{
		"one":    {1, "warning 1, warning 1, critical 1"},
		"three":  {3, "warning 1, warning 1, warning 1, warning 3, critical 3"},
		"eleven": {11, "warning 11, warning 11, critical 11"},
	} {
		t.Run(name, func(t *testing.T) {
			var said []string
			for _, e := range stores(t, tc.stores, 0, time.Hour, 4*time.Hour, 8*time.Hour, 12*time.Hour) {
				said = append(said, fmt.Sprint(e.Severity, " ", len(e.Stores)))
			}
			if got := strings.Join(said, ", "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// deaf takes no message.
type deaf struct{}

func (deaf) Publish(context.Context, alert.Event) error { return errors.New("no topic") }

func TestAStoresMessageThatWasLostComesAgain(t *testing.T) {
	s := simulate(t)
	if err := s.failing(t, simStart, deaf{}, 1); err == nil {
		t.Error("what could not be published must be an error")
	}
	if err := s.failing(t, simStart.Add(5*time.Minute), s, 1); err != nil || len(s.events) != 1 || s.events[0].Type != alert.ScanFailed {
		t.Errorf("%+v, %v", s.events, err)
	}
}

// A table that a pattern covered and that was deleted is reported once, with its name, and
// its locks without a word.
func TestAStoreThatIsGone(t *testing.T) {
	const pattern, covered = "arn:aws:dynamodb:eu-central-1:123456789012:table/*", simTable
	s := simulate(t)
	rules := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Retention: monitor.Retention}
	held := scene{name: "one lock", holds: []hold{{"a", 0, day}}}
	for since := time.Duration(0); since < time.Hour; since += 5 * time.Minute {
		s.scan(held, since)
	}
	if len(s.events) != 1 || s.events[0].Type != alert.LockStuck {
		t.Fatalf("%+v", s.events)
	}
	s.memory.Stores[pattern] = ledger.Store{LastRead: simStart, Matched: true}
	for i := range 3 {
		at := simStart.Add(time.Hour + time.Duration(i)*5*time.Minute)
		found := &scan.Scan{Started: at, Ended: at, Watched: []string{simBucket}, Patterns: []string{pattern}}
		if err := monitor.Notify(t.Context(), s, s, s.memory, found, rules); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.events) != 2 || s.events[1].Type != alert.ScanFailed || s.events[1].Stores[0].ARN != covered || !strings.Contains(s.events[1].Text, "no longer exists") {
		t.Errorf("%+v", s.events[1:])
	}
	if len(s.memory.Locks) != 0 {
		t.Errorf("%v", s.memory.Locks)
	}
}

// There is nothing to read where a pattern matches nothing, and nothing failed: the message
// must not say so.
func TestAPatternThatMatchesNothingIsNoFailure(t *testing.T) {
	s := simulate(t)
	found := &scan.Scan{Started: simStart, Ended: simStart, Watched: []string{simBucket}, Patterns: []string{"arn:aws:s3:::*-tfstate"}}
	if err := monitor.Notify(t.Context(), s, s, s.memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Retention: monitor.Retention}); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 1 {
		t.Fatalf("%+v", s.events)
	}
	e := s.events[0]
	said := e.Subject + "\n" + e.Text + "\n" + strings.Join(e.Steps, "\n")
	if e.Severity != alert.Info || !strings.Contains(e.Text, "Nothing matches bucket *-tfstate yet") || strings.Contains(said, "fail") || strings.Contains(said, "not watched") {
		t.Errorf("%s: %s", e.Severity, said)
	}
}
