package monitor_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Where not everything was read, a lock on another state may have the ID: whoever fills a table keeps a scan from the rows behind theirs. No
// alert of that scan has a client's own command.
func TestNoClientsCommandWhereNotEverythingWasRead(t *testing.T) {
	const id = "78007e4f-7284-5b8c-b34c-620445a03e9c" // of a live lock in the table, which nobody read
	for name, tc := range map[string]struct {
		failures map[string]scan.Failure
		sealed   bool // the other lock is an object that S3 does not give
		given    bool
	}{
		"everything was read":                  {given: true},
		"a table was not read to its end":      {failures: map[string]scan.Failure{simTable: {Problem: simTable + ": no answer in time", Passing: true}}},
		"a folder was not read":                {failures: map[string]scan.Failure{simTable: {Problem: simTable + ": under states/prod/ are more", Crowded: []string{"states/prod/"}}}},
		"what a lock object says was not read": {sealed: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t)
			taken := simStart.Add(-time.Hour)
			copied := tflock.Holding{
				Kind: tflock.S3, Store: simBucket, Path: "states/dev/prod/terraform.tfstate", ETag: `"e"`, Modified: taken,
				Info: tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Created: taken},
			}
			all := []tflock.Holding{copied}
			if tc.sealed {
				all = append(all, tflock.Holding{Kind: tflock.S3, Store: simBucket, Path: "states/prod/terraform.tfstate", ETag: `"f"`, Modified: simStart, Err: &backend.Error{Store: simBucket}})
			}
			found := scan.Of(all...)
			found.Started, found.Ended, found.Watched, found.Failures = simStart, simStart, []string{simTable, simBucket}, tc.failures
			c := policy.Case{Lock: tflock.Merge([]tflock.Holding{copied})[0]}
			c.Judge(usualRules, simStart)
			found.Worst = []policy.Case{c}
			if err := monitor.Notify(t.Context(), s, s, s.memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: time.Minute, Retention: monitor.Retention}); err != nil {
				t.Fatal(err)
			}
			for _, e := range s.events {
				if e.Type == alert.LockStuck {
					if given := e.Actions.ForceUnlock != ""; given != tc.given {
						t.Errorf("given: %v: %q", given, e.Actions.ForceUnlock)
					}
					return
				}
			}
			t.Error("no alert")
		})
	}
}
