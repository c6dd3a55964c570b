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
		if _, err := s.apply(ctx, client, branch.key, local.ByFile, branch.runs...); err != nil {
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

// mismatch makes a state whose digest is that of the version before, and has the inventory
// find it.
func (s *scene) mismatch(ctx context.Context, client local.Client) error {
	const key = "payments/production/terraform.tfstate"
	step("two applies on %s; the second one may not write the digest; the inventory runs", key)
	w, err := s.apply(ctx, client, key, local.ByTable, "apply")
	if err != nil {
		return err
	}
	s.left[key] = w // it plans at the end: a browser has repaired it
	denied, stop, err := s.stack.AWS().DigestsDenied()
	if err != nil {
		return err
	}
	defer stop()
	dir, err := s.folder("another-runner")
	if err != nil {
		return err
	}
	another, err := denied.Workspace(ctx, client, dir, s.stack.Outputs["StateBucketName"], s.stack.Outputs["LockTableName"], key, local.ByTable)
	if err != nil {
		return err
	}
	if _, err := another.Run(ctx, "apply", "-auto-approve", "-replace=terraform_data.app"); err != nil {
		return err
	}
	return s.invoke(ctx, "inventory", "InventoryFunction", "{}")
}

func (s *scene) apply(ctx context.Context, client local.Client, key string, mode local.Mode, runs ...string) (*local.Workspace, error) {
	dir, err := s.folder(key)
	if err != nil {
		return nil, err
	}
	w, err := s.stack.Workspace(ctx, client, dir, key, mode)
	for _, run := range runs {
		if err == nil {
			_, err = w.Run(ctx, run, "-auto-approve")
		}
	}
	return w, err
}

// invoke calls a function whose answer the page will show in its own words.
func (s *scene) invoke(ctx context.Context, function, logicalID, payload string) error {
	result, err := s.stack.Invoke(ctx, function, logicalID, payload)
	if err == nil && result.Failed {
		err = fmt.Errorf("%s failed: %s\n%s", function, result.Payload, result.Log)
	}
	return err
}
