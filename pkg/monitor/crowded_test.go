package monitor

import (
	"testing"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever floods one prefix does not stop the automatic release of others: what was not read there
// says nothing of their states. A store that failed does.
func TestACrowdedPrefixHoldsBackOnlyItsOwnLocks(t *testing.T) {
	t.Parallel()
	const table, own, other = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks", "b/production/", "b/a-team/"
	for name, tc := range map[string]struct {
		failure *scan.Failure
		alone   bool
	}{
		"everything was read":         {nil, true},
		"another prefix is crowded":   {&scan.Failure{Problem: "x", Crowded: []string{other}}, true},
		"its own prefix is crowded":   {&scan.Failure{Problem: "x", Crowded: []string{other, own}}, false},
		"the store could not be read": {&scan.Failure{Problem: "x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := tflock.Holding{Kind: tflock.S3, Store: "arn:aws:s3:::b", Path: own + "k", Info: tflock.Info{ID: "1"}}
			found := scan.Of(h)
			found.Failures = map[string]scan.Failure{}
			if tc.failure != nil {
				found.Failures[table] = *tc.failure
			}
			c := policy.Case{Lock: tflock.Lock{ID: "1", Path: h.Path, Holdings: []tflock.Holding{h}}}
			p := &planner{monitor: &Monitor{}, known: &knownRuns{memory: ledger.AutoMemory{}}, found: found, crowds: map[tflock.Path]int{h.Path: 1}}
			alone := true
			for _, reason := range p.heldBack(&evidence.Question{Case: &c}, ledger.KeyOf(c.Lock)) {
				alone = alone && reason != "whether another lock is on the same state is not known, since not everything could be read"
			}
			if alone != tc.alone || found.Whole(h.Path) != tc.alone {
				t.Errorf("alone %v, whole %v", alone, found.Whole(h.Path))
			}
		})
	}
}
