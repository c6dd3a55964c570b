package main

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// stale makes the states of branches that nobody has touched for a month: one was pruned,
// one can be, and one still manages resources.
func (s *scene) stale(ctx context.Context) error {
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
		if _, err := s.Run(ctx, branch.key, local.ByFile, branch.runs...); err != nil {
			return err
		}
		if err := s.AWS().Age(s.Outputs["StateBucketName"], branch.key, 31*24*time.Hour); err != nil {
			return err
		}
		if branch.then == "" {
			continue
		}
		if err := s.Ask(ctx, "prune", branch.then, nil); err != nil {
			return err
		}
	}
	return nil
}

// mismatch makes a state whose digest is that of the version before, and has the inventory
// find it.
func (s *scene) mismatch(ctx context.Context) error {
	const key = "payments/production/terraform.tfstate"
	step("two applies on %s; the second one may not write the digest; the inventory runs", key)
	w, err := s.Run(ctx, key, local.ByTable, "apply")
	if err != nil {
		return err
	}
	s.left[key] = w // it plans at the end: a browser has repaired it
	if err := s.Undigested(ctx, key); err != nil {
		return err
	}
	return s.Ask(ctx, "inventory", "{}", nil)
}
