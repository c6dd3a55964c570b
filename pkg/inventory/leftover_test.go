package inventory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// holds gives the lock that a state had at some time.
type holds func(at time.Time) ledger.Hold

func (h holds) Holder(_ context.Context, _ tflock.Path, at time.Time) (ledger.Hold, error) {
	return h(at), nil
}

// A team moved to lockfiles, and its applies are too short for a scan to say how they lock. A
// client that reads digests fails where the digest is another one: so one that found it so, and
// wrote the state all the same, reads none, and nobody is warned of a digest that is left over.
func TestADigestThatClientsWriteTheStateWithoutIsLeftOver(t *testing.T) {
	t.Parallel()
	const apart = longHold + 2*time.Second
	for name, tc := range map[string]struct {
		took time.Duration // the lock under which the newest version was written, before that
		seen []policy.LockingSeen
		want string
	}{
		"another run wrote the newest version":                 {longHold, nil, policy.SeverityInfo},
		"one that was seen locking in the table, long ago":     {longHold, seen(policy.ByTable), policy.SeverityInfo},
		"one run wrote both versions, and no digest":           {apart + 2*time.Second, nil, policy.SeverityWarning},
		"a client that found a row in the table":               {time.Second, nil, policy.SeverityWarning},
		"the lock under which it was written is not known":     {0, nil, policy.SeverityWarning},
		"a client that locks in both was seen after the first": {longHold, []policy.LockingSeen{{Locking: policy.ByBoth, First: time.Now().Add(time.Hour), Last: time.Now().Add(time.Hour), Locks: 1}}, policy.SeverityWarning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.put(key, stateOf(2, "one"))
			time.Sleep(apart)
			w.put(key, stateOf(3, "one"))
			w.locking[w.Path(key)] = tc.seen
			i := w.inventory(w.config())
			i.Writers = holds(func(at time.Time) ledger.Hold {
				if tc.took == 0 {
					return ledger.Hold{}
				}
				return ledger.Hold{By: "gh-1", Since: at.Add(-tc.took)}
			})
			for _, which := range []string{"at first", "in a later run, in which nothing changed"} {
				report, err := i.Run(context.Background(), inventory.Request{})
				if err != nil || len(report.Findings) != 1 {
					t.Fatalf("%+v, %v", report, err)
				}
				f := report.Findings[0]
				info := tc.want == policy.SeverityInfo
				if f.Severity != tc.want || (f.Fix == nil) != info || (f.Evidence.UnreadSince != nil) != info || strings.Contains(f.Text, "left over. As soon as a scan") != info || f.Evidence.VersionID == "" {
					t.Errorf("%s: %s, %+v: %s", which, f.Severity, f.Fix, f.Text)
				}
			}
		})
	}
}

const longHold = 5 * time.Second

// Where not all is known of how a state was locked, since others have more locks than can be asked about, what is known makes no
// digest that differs one that nobody reads.
func TestADigestIsNotLeftOverWhereLocksOfItsStateAreNotKnown(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"all are known": true, "some are not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.put(key, stateOf(2, "one"))
			w.locking[w.Path(key)] = seen(policy.ByLockfile)
			want := policy.SeverityInfo
			if !known {
				w.unasked, want = []tflock.Path{w.Path(key)}, policy.SeverityWarning
			}
			report, err := w.inventory(w.config()).Run(context.Background(), inventory.Request{})
			if err != nil || len(report.Findings) != 1 || policy.Worse(report.Findings[0].Severity, policy.SeverityInfo) == known {
				t.Errorf("%v, want %s: %+v", err, want, report.Findings)
			}
		})
	}
}
