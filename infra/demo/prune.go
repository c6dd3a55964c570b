package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// prune shows stale branch states: an empty one goes, one that still manages resources
// is reported, and the first is brought back.
func (s *scene) prune(ctx context.Context) error {
	const merged, forgotten = "branches/merged/terraform.tfstate", "branches/forgotten/terraform.tfstate"
	step("two branches: %s is applied and destroyed, %s only applied; then a month passes", merged, forgotten)
	branch, err := s.Run(ctx, merged, local.ByBoth, "apply", "destroy")
	if err != nil {
		return err
	}
	if _, err := s.Run(ctx, forgotten, local.ByBoth, "apply"); err != nil {
		return err
	}
	bucket := s.Outputs["StateBucketName"]
	if err := s.AWS().Age(bucket, "branches/", 31*24*time.Hour); err != nil {
		return err
	}
	step("the prune function runs")
	var report prune.Report
	if err := s.Ask(ctx, "prune", "{}", &report); err != nil {
		return err
	}
	messages, err := s.news()
	if err != nil {
		return err
	}
	title("THE REPORT")
	for _, m := range messages {
		fmt.Printf("Subject: %s\n\n%s", m.Subject, m.Texts["email"])
	}
	if _, err := branch.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("\n%s plan on %s: succeeded, no digest is in its way\n", s.Client.Name, merged)
	step("the pruned state is missed, so it is brought back")
	var answer prune.Answer
	if err := s.Ask(ctx, "prune", fmt.Sprintf(`{"restore":%q}`, bucket+"/"+merged), &answer); err != nil {
		return err
	}
	if answer.Outcome != prune.Restored {
		return fmt.Errorf("not restored: %s", answer.Message)
	}
	fmt.Println("  " + answer.Message)
	if _, err := branch.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("  %s plan: succeeded\n", s.Client.Name)
	return nil
}
