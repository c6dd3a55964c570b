package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// workspaceAfter makes a workspace with that key, and runs these commands in it.
func (s *scene) workspaceAfter(ctx context.Context, key string, commands ...string) (*local.Workspace, error) {
	dir, err := s.folder(key)
	if err != nil {
		return nil, err
	}
	w, err := s.stack.Workspace(ctx, s.client, dir, key, local.ByBoth)
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		if _, err := w.Run(ctx, command, "-auto-approve"); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// prune shows stale branch states: an empty one goes, one that still manages resources
// is reported, and the first is brought back.
func (s *scene) prune(ctx context.Context) error {
	const merged, forgotten = "branches/merged/terraform.tfstate", "branches/forgotten/terraform.tfstate"
	step("two branches: %s is applied and destroyed, %s only applied; then a month passes", merged, forgotten)
	branch, err := s.workspaceAfter(ctx, merged, "apply", "destroy")
	if err != nil {
		return err
	}
	if _, err := s.workspaceAfter(ctx, forgotten, "apply"); err != nil {
		return err
	}
	bucket := s.stack.Outputs["StateBucketName"]
	if err := s.aws.Age(bucket, "branches/", 31*24*time.Hour); err != nil {
		return err
	}
	step("the prune function runs")
	var report prune.Report
	if err := s.invokePrune(ctx, "{}", &report); err != nil {
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
	fmt.Printf("\n%s plan on %s: succeeded, no digest is in its way\n", s.client.Name, merged)
	step("the pruned state is missed, so it is brought back")
	var answer prune.Answer
	if err := s.invokePrune(ctx, fmt.Sprintf(`{"restore":%q}`, bucket+"/"+merged), &answer); err != nil {
		return err
	}
	if answer.Outcome != prune.Restored {
		return fmt.Errorf("not restored: %s", answer.Message)
	}
	fmt.Println("  " + answer.Message)
	if _, err := branch.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("  %s plan: succeeded\n", s.client.Name)
	return nil
}

func (s *scene) invokePrune(ctx context.Context, payload string, answer any) error {
	result, err := s.stack.Invoke(ctx, "prune", "PruneFunction", payload)
	if err != nil {
		return err
	}
	if result.Failed {
		return fmt.Errorf("the prune failed: %s\n%s", result.Payload, result.Log)
	}
	return json.Unmarshal([]byte(result.Payload), answer)
}
