package monitor_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// removedBy knows who removed every lock object.
type removedBy struct {
	who string
	at  time.Time
}

func (removedBy) AddTo(context.Context, []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
	return nil, nil //nolint:nilnil // nothing is renewed here
}

func (removedBy) Renew(context.Context, map[ledger.Object]ledger.Witnessed, time.Time) error {
	return nil
}

func (r removedBy) EndOf(context.Context, tflock.Path, ledger.Entry) (*policy.Witness, *policy.Removal, error) {
	return &policy.Witness{Principal: "ana"}, &policy.Removal{Principal: r.who, RemovedAt: r.at}, nil
}

// Who removed a lock's object is named as who resolved the lock only where the object did not
// go before its row: then somebody else removed what held the state until now.
func TestWhoRemovedTheObjectDidNotEndALockWhoseRowOutlivedIt(t *testing.T) {
	const table = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	for name, tc := range map[string]struct {
		since map[string]time.Time
		named bool
	}{
		"both halves went together":  {nil, true},
		"a row outlived its object":  {map[string]time.Time{simBucket: {}}, false},
		"a half that came later":     {map[string]time.Time{table: simStart}, true},
		"an object outlived its row": {map[string]time.Time{table: {}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t)
			at := simStart.Add(time.Hour)
			key := ledger.Key{Path: "states/x", ID: "x"}
			memory := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{key: {
				FirstSeen: simStart, Kinds: []tflock.Kind{tflock.DynamoDB, tflock.S3}, Stores: []string{table, simBucket}, Since: tc.since, ETag: "e", Notified: 1, NotifiedAt: simStart,
				Description: &policy.Description{ID: "x", Path: "states/x", HeldSince: simStart, Verdict: policy.Stuck}, Stuck: true, HeldSince: simStart,
			}}}
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{table, simBucket}, Failures: map[string]scan.Failure{}}
			err := monitor.NotifyWitnessed(t.Context(), s, s, memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: time.Minute, Retention: monitor.Retention}, removedBy{"bob", at.Add(-time.Minute)})
			if err != nil || len(s.events) != 1 || s.events[0].Type != alert.LockResolved {
				t.Fatalf("%v, %+v", err, s.events)
			}
			if removal := s.events[0].Removal; (removal != nil) != tc.named || (tc.named && removal.Principal != "bob") {
				t.Errorf("removed by %+v", removal)
			}
		})
	}
}

// An event of S3 that is not of the time between the last scan that saw a lock and the first
// one without it is that of another object on its path. The message names nobody then.
func TestWhoRemovedAnotherObjectIsNotNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		removed time.Duration // before the scan that found it gone
		named   bool
	}{
		"between the two scans":                  {time.Minute, true},
		"within the difference of two clocks":    {-30 * time.Second, true},
		"before a scan that still saw the lock":  {10 * time.Minute, false},
		"long after the scan that found it gone": {-time.Hour, false},
		"before the lock was seen at all":        {3 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t)
			at := simStart.Add(time.Hour)
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{simBucket}, Failures: map[string]scan.Failure{}}
			err := monitor.NotifyWitnessed(t.Context(), s, s, heldUntil(at.Add(-5*time.Minute)), found, simRules, removedBy{"bob", at.Add(-tc.removed)})
			if err != nil || len(s.events) != 1 || s.events[0].Type != alert.LockResolved {
				t.Fatalf("%v, %+v", err, s.events)
			}
			if removal := s.events[0].Removal; (removal != nil) != tc.named {
				t.Errorf("removed by %+v", removal)
			}
		})
	}
}

var simRules = ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Retention: monitor.Retention}

// heldUntil is the memory of a stuck lock whose bucket was read last at that time.
func heldUntil(read time.Time) ledger.Memory {
	return ledger.Memory{
		Locks: map[ledger.Key]ledger.Entry{{Path: "states/x", ID: "x"}: {
			FirstSeen: simStart, Kinds: []tflock.Kind{tflock.S3}, Stores: []string{simBucket}, ETag: "e", Notified: 1, NotifiedAt: simStart,
			Description: &policy.Description{ID: "x", Path: "states/x", HeldSince: simStart, Verdict: policy.Stuck}, Stuck: true, HeldSince: simStart,
		}},
		Stores: map[string]ledger.Store{simBucket: {LastRead: read}},
	}
}

// The topic is down when a lock is found gone, and the next scan publishes that: who removed
// the lock, and how long it was held, is what the first scan found out.
func TestWhoRemovedALockIsKeptUntilThatIsPublished(t *testing.T) {
	first := simStart.Add(time.Hour)
	memory := heldUntil(first.Add(-5 * time.Minute))
	for i := range 4 { // three scans cannot publish
		at := first.Add(time.Duration(i) * 5 * time.Minute)
		found := &scan.Scan{Started: at, Ended: at, Watched: []string{simBucket}, Failures: map[string]scan.Failure{}}
		kept := &keeping{Lease: simulate(t), memory: &memory}
		topic := &downTopic{down: i < 3}
		err := monitor.NotifyWitnessed(t.Context(), kept, topic, memory, found, simRules, removedBy{"bob", first.Add(-time.Minute)})
		if (err != nil) != topic.down {
			t.Fatal(err)
		}
		if topic.down {
			continue
		}
		e := topic.events[0]
		if e.Type != alert.LockResolved || e.Removal == nil || e.Removal.Principal != "bob" || e.Lock.HeldSeconds != 3600 {
			t.Errorf("%s: removed by %+v, held for %ds", e.Type, e.Removal, e.Lock.HeldSeconds)
		}
		if len(kept.past) != 1 || !kept.past[0].Ended.Equal(first) || !kept.past[0].LastSeen.Equal(first.Add(-5*time.Minute)) {
			t.Errorf("%+v", kept.past)
		}
	}
}

// keeping records into a memory.
type keeping struct {
	monitor.Lease
	memory *ledger.Memory
	past   []ledger.Past
}

func (k *keeping) Record(_ context.Context, steps iter.Seq[ledger.Step]) error {
	for s := range steps {
		if s.Past != nil {
			k.past = append(k.past, *s.Past)
		}
		if s.Change == ledger.Resolved || s.Change == ledger.Forget {
			delete(k.memory.Locks, s.Key)
			continue
		}
		k.memory.Locks[s.Key] = s.Entry
	}
	return nil
}

func (k *keeping) End(_ context.Context, stores map[string]ledger.Store) error {
	k.memory.Stores = stores
	return nil
}

type downTopic struct {
	down   bool
	events []alert.Event
}

func (d *downTopic) Publish(_ context.Context, e alert.Event) error {
	if d.down {
		return errNoWitness
	}
	d.events = append(d.events, e)
	return nil
}
