package policy_test

import (
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A plan may hold its lock for 15 minutes, everything else for half an hour.
func ExampleCase_Judge() {
	overrides, err := policy.ParseOverrides("operation:OperationTypePlan=15m")
	if err != nil {
		fmt.Println(err)
		return
	}
	thresholds := policy.Thresholds{Default: 30 * time.Minute, Overrides: overrides}
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	for _, operation := range []string{"OperationTypePlan", "OperationTypeApply"} {
		raw, err := tflock.Info{ID: "78007e4f", Operation: operation, Who: "ada@laptop", Created: now.Add(-20 * time.Minute), Path: "acme-states/prod/terraform.tfstate"}.Marshal()
		if err != nil {
			fmt.Println(err)
			return
		}
		object := tflock.FromObject("arn:aws:s3:::acme-states", "acme-states", "prod/terraform.tfstate.tflock", string(raw), `"etag"`, now.Add(-20*time.Minute))
		for _, lock := range tflock.Merge([]tflock.Holding{object}) {
			c := policy.Case{Lock: lock}
			c.Judge(policy.Rules{Thresholds: thresholds}, now)
			fmt.Println(operation, c.Verdict)
		}
	}
	// Output:
	// OperationTypePlan stuck
	// OperationTypeApply fresh
}
