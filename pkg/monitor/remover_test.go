package monitor_test

import (
	"context"
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
type removedBy struct{ who string }

func (removedBy) Look(context.Context, []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
	return nil, nil //nolint:nilnil // nothing is renewed here
}

func (removedBy) Renew(context.Context, map[ledger.Object]ledger.Witnessed, time.Time) error {
	return nil
}

func (r removedBy) Gone(context.Context, tflock.Path, ledger.Entry) (*policy.Witness, *policy.Removal, error) {
	return &policy.Witness{Principal: "ana"}, &policy.Removal{Principal: r.who}, nil
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
				Finding: &policy.Finding{ID: "x", Path: "states/x", HeldSince: simStart, Verdict: policy.Stuck}, Stuck: true, HeldSince: simStart,
			}}}
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{table, simBucket}, Failures: map[string]scan.Failure{}}
			err := monitor.NotifyWitnessed(t.Context(), s, s, memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: time.Minute, Keep: monitor.Keep}, removedBy{"bob"})
			if err != nil || len(s.events) != 1 || s.events[0].Type != alert.LockResolved {
				t.Fatalf("%v, %+v", err, s.events)
			}
			if removal := s.events[0].Removal; (removal != nil) != tc.named || (tc.named && removal.Principal != "bob") {
				t.Errorf("removed by %+v", removal)
			}
		})
	}
}
