package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// stale makes the states of branches that nobody has touched for a month: one was pruned,
// one can be, and one still manages resources.
func (s *scene) stale(ctx context.Context, client local.Client) error {
	step("three branches are applied, two of them destroyed; a month passes, and the prune function runs in between")
	for _, branch := range []struct {
		key  string
		runs []string
		then string // payload for the prune function
	}{
		{"branches/merged/terraform.tfstate", []string{"apply", "destroy"}, "{}"},
		{"branches/closed/terraform.tfstate", []string{"apply", "destroy"}, ""},
		{"branches/forgotten/terraform.tfstate", []string{"apply"}, ""},
	} {
		if err := s.apply(ctx, client, branch.key, branch.runs); err != nil {
			return err
		}
		if err := s.stack.AWS().Age(s.stack.Outputs["StateBucketName"], branch.key, 31*24*time.Hour); err != nil {
			return err
		}
		if branch.then == "" {
			continue
		}
		if err := s.invoke(ctx, "prune", "PruneFunction", branch.then); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) apply(ctx context.Context, client local.Client, key string, runs []string) error {
	dir, err := s.folder(key)
	if err != nil {
		return err
	}
	w, err := s.stack.Workspace(ctx, client, dir, key, local.ByFile)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if _, err := w.Run(ctx, run, "-auto-approve"); err != nil {
			return err
		}
	}
	return nil
}

// invoke calls a function whose answer the page will show in its own words.
func (s *scene) invoke(ctx context.Context, function, logicalID, payload string) error {
	result, err := s.stack.Invoke(ctx, function, logicalID, payload)
	if err == nil && result.Failed {
		err = fmt.Errorf("%s failed: %s\n%s", function, result.Payload, result.Log)
	}
	return err
}
