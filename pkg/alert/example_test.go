package alert_test

import (
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// An event is complete in itself: every channel renders the same one.
func ExampleRender() {
	composer := alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "lockwarden-unlock"}
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	event := composer.Lock(alert.LockStuck, policy.Description{
		ID: "78007e4f", Path: "acme-states/prod/terraform.tfstate", Operation: "OperationTypeApply", Who: "ada@laptop",
		HeldSince: now.Add(-2 * time.Hour), HeldSeconds: 7200, ThresholdSeconds: 1800, Verdict: policy.Stuck,
		Evidence: policy.Evidence{Liveness: policy.LikelyOrphan},
	}, 0, now)
	rendered, err := alert.Render(event)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rendered.Subject)
	// Output:
	// [Lockwarden] stuck 2h: acme-states/prod/terraform.tfstate (ada@laptop, run likely dead)
}
