package monitor_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	simTable  = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	simBucket = "arn:aws:s3:::states"
)

// simulation is a monitor with the defaults, over time that is not real: everything from
// the holdings that a scan read to the published event is the product's own code. Only
// the stores, the ledger's table and the topic are memory.
type simulation struct {
	*testing.T
	every  time.Duration
	memory ledger.Memory
	events []alert.Event
	random *rand.Rand
}

func simulate(t *testing.T) *simulation {
	return &simulation{
		T: t, every: 5 * time.Minute, random: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // the same month every time
		memory: ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}, Stores: map[string]ledger.Store{}},
	}
}

// Publish keeps an event, after everything that it takes to send it was done.
func (s *simulation) Publish(_ context.Context, e alert.Event) error {
	if e.Text == "" || e.Subject == "" || alert.Mail(e) == "" {
		s.Errorf("an event that says nothing: %+v", e)
	}
	s.events = append(s.events, e)
	return nil
}

// Record does what the ledger's table does.
func (s *simulation) Record(_ context.Context, steps iter.Seq[ledger.Step]) error {
	for step := range steps {
		if step.Change == ledger.Resolved || step.Change == ledger.Forget {
			delete(s.memory.Locks, step.Key)
		} else {
			s.memory.Locks[step.Key] = step.Entry
		}
	}
	return nil
}

// Keep is never called: everything is recorded.
func (s *simulation) RecordStores(context.Context, map[string]ledger.Store) error {
	return errors.ErrUnsupported
}

// Forget has nothing to do: the memory has room for all.
func (s *simulation) Forget(context.Context) error { return nil }

// End records the stores.
func (s *simulation) End(_ context.Context, stores map[string]ledger.Store) error {
	s.memory.Stores = stores
	return nil
}

// Released finds no release.
func (s *simulation) Released(context.Context, ledger.Key) (ledger.Release, bool, error) {
	return ledger.Release{}, false, nil
}

// scan reads what the scene holds at a time, a few seconds after the schedule says.
func (s *simulation) scan(sc scene, since time.Duration) {
	started := simStart.Add(since + time.Duration(s.random.IntN(20))*time.Second)
	found := &scan.Scan{Started: started, Ended: started.Add(2 * time.Second), Watched: []string{simTable, simBucket}, Failures: map[string]scan.Failure{}}
	if sc.fails != nil {
		if f := sc.fails(since, s.random); f != nil {
			failure := *f // which the scenes share
			failure.Problem = simTable + ": " + failure.Problem
			found.Failures[simTable] = failure
		}
	}
	var holdings []tflock.Holding
	for _, h := range sc.holdings(since) {
		if !found.Failed(h.Store) {
			holdings = append(holdings, h)
		}
	}
	locks := tflock.Merge(holdings)
	memory := ledger.Memory{Locks: maps.Clone(s.memory.Locks), Stores: s.memory.Stores}
	for _, l := range locks {
		c := policy.Case{Lock: l, Seen: memory.Sighting(l, func(store string) string { return found.Unknown(l.Path, store) }), State: policy.State{Problem: "its bucket is not watched", Unwatched: true}}
		c.Judge(usualRules, found.Ended)
		found.Worst = append(found.Worst, c)
	}
	rules := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: s.every, Retention: monitor.Retention}
	if err := monitor.Notify(s.Context(), s, s, memory, found, rules); err != nil {
		s.Fatal(err)
	}
	s.expire(started)
}

// expire deletes rows as DynamoDB does: up to two days after their time.
func (s *simulation) expire(now time.Time) {
	for key, e := range s.memory.Locks {
		if late := now.Sub(e.Expires); late > 48*time.Hour || (late > 0 && s.random.IntN(300) == 0) {
			delete(s.memory.Locks, key)
		}
	}
}

func (s *simulation) run(sc scene) {
	for since := time.Duration(0); since <= time.Duration(sc.days*24)*time.Hour; since += s.every {
		s.scan(sc, since)
	}
}

// tally counts messages by type.
func (s *simulation) tally() map[alert.Type]int {
	counts := map[alert.Type]int{}
	for _, e := range s.events {
		counts[e.Type]++
	}
	return counts
}
