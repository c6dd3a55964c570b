package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// mismatch shows a state whose digest was not written: the inventory names the version that
// the digest is of, a repair makes it right, and the client plans again.
func (s *scene) mismatch(ctx context.Context) error {
	const key = "payments/production/terraform.tfstate"
	step("%s applies %s; at its second apply its role may not write the digest, which it says nothing of", s.Client.Name, key)
	w, err := s.Run(ctx, key, local.ByTable, "apply")
	if err != nil {
		return err
	}
	if err := s.Undigested(ctx, key); err != nil {
		return err
	}
	if out, err := w.Run(ctx, "plan", "-var=seconds=1"); err == nil {
		return errors.New("a plan succeeds, although the digest is that of another version: " + out)
	}
	fmt.Printf("  %s plan: fails after ten seconds, with \"state data in S3 does not have the expected content\"\n", s.Client.Name)

	step("the inventory runs; it looks at that digest again after 15 seconds, since it might be on its way")
	var report inventory.Report
	if err := s.Ask(ctx, "inventory", "{}", &report); err != nil {
		return err
	}
	messages, err := s.news()
	if err != nil {
		return err
	}
	title("THE FINDING")
	var fix *repair.Request
	for _, m := range messages {
		if m.Attributes["type"] == string(alert.StateFinding) {
			fmt.Printf("Subject: %s\n\n%s", m.Subject, m.Texts["email"])
		}
	}
	for _, f := range report.Findings {
		if f.Path == tflock.NewPath(s.Outputs["StateBucketName"], key) && f.Fix != nil {
			fix = &repair.Request{Path: f.Fix.Path, Action: f.Fix.Action}
		}
	}
	if fix == nil {
		return fmt.Errorf("the inventory did not find it: %+v", report)
	}
	return s.repair(ctx, w, *fix)
}

// repair shows what a repair would do, does it, and has the client plan.
func (s *scene) repair(ctx context.Context, w *local.Workspace, request repair.Request) error {
	for _, dry := range []bool{true, false} {
		request.DryRun, request.Reason, request.RequestedBy = dry, "its digest was denied", "on-call"
		step("the repair function runs (dry run: %v)", dry)
		payload, err := json.Marshal(request)
		if err != nil {
			return err
		}
		var answer repair.Answer
		if err := s.Ask(ctx, "repair", string(payload), &answer); err != nil {
			return err
		}
		if answer.Outcome != repair.WouldRepair && answer.Outcome != repair.Repaired {
			return fmt.Errorf("not repaired: %+v", answer)
		}
		fmt.Printf("  %s\n  digests before %v\n  digests after  %v\n", answer.Message, answer.Before.Digests, answer.After.Digests)
		request.StateMD5 = answer.Before.StateMD5
	}
	if _, err := w.Run(ctx, "plan", "-var=seconds=1"); err != nil {
		return err
	}
	fmt.Printf("  %s plan: succeeded\n", s.Client.Name)
	return nil
}
