package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// Terraform 1.5.7 keeps two slashes in its rows and stores the state under the cleaned key.
// Its live lock keeps the state; after a prune its next plan works, and so it does after a
// restore.
func TestPruneOfAKeyWithTwoSlashes(t *testing.T) {
	local.Need(t, local.Services, local.Terraform)
	stack := local.ForTest(t, map[string]string{"PruneAfterDays": "0"})
	client, err := local.Terraform15()
	if err != nil {
		t.Fatal(err)
	}
	const key, stored = "branches/slashes//terraform.tfstate", "branches/slashes/terraform.tfstate"
	w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, local.ByTable)
	for _, run := range []string{"apply", "destroy"} {
		if err == nil {
			_, err = w.Run(t.Context(), run, "-auto-approve")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	_, run, err := stack.Hold(t.Context(), client, t.TempDir(), key, local.ByTable, local.TenMinutes)
	if err != nil {
		t.Fatal(err)
	}
	if report, result := invoke[prune.Report](t, stack, "{}"); !slices.Contains(fates(report), stored+" kept locked") {
		t.Errorf("under a live lock: %s", result.Payload)
	}
	if err := run.Kill(); err != nil {
		t.Fatal(err)
	}
	printed, _ := w.Run(t.Context(), "plan")
	_, rest, _ := strings.Cut(printed, "ID:")
	id, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	if _, err := w.Run(t.Context(), "force-unlock", strings.TrimSpace(id)); err != nil {
		t.Fatal(err)
	}
	if report, result := invoke[prune.Report](t, stack, "{}"); !slices.Contains(fates(report), stored+" pruned") {
		t.Fatalf("the prune: %s", result.Payload)
	}
	if _, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("the plan after the prune: %v", err)
	}
	path := "s3://" + stack.Outputs["StateBucketName"] + "/" + stored
	if a, result := invoke[prune.Answer](t, stack, `{"restore":"`+path+`"}`); a.Outcome != prune.Restored {
		t.Fatalf("the restore: %s", result.Payload)
	}
	if _, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("the plan after the restore: %v", err)
	}
}
