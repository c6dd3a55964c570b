package main_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// tagged is the lock of a real OpenTofu whose backend has lock_tags, as docs/witness.md says:
// the tag leads to the run without any session.
func tagged(p *pipelines) {
	t := p.T
	const key, run = "env/tagged/terraform.tfstate", "6"
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	w, err := p.aws.Workspace(t.Context(), tofu, t.TempDir(), p.stack.Outputs["StateBucketName"], p.stack.Outputs["LockTableName"], key, local.ByFile,
		fmt.Sprintf(`-backend-config=lock_tags={run="%s"}`, p.github.Session(run)+"-1"))
	if err != nil {
		t.Fatal(err)
	}
	job, err := w.Hold(t.Context(), local.TenMinutes, func() bool {
		_, there, err := p.bucket().Find(t.Context(), p.path(key))
		return err == nil && there
	})
	if err != nil {
		t.Fatal(err)
	}
	p.github.Begin(run)
	locks, _ := p.goodScan()
	if f := locks[key]; f.Run == nil || f.Run.Status != policy.RunInProgress || f.Run.Source != policy.GitHub || f.Run.ID != "6" || f.Witness != nil {
		t.Errorf("in progress: %+v", f)
	}
	if err := job.Kill(); err != nil {
		t.Fatal(err)
	}
	p.github.End(run, "cancelled", time.Now())
	locks, _ = p.goodScan()
	f := locks[key]
	if f.Run == nil || f.Run.Status != policy.RunEnded || f.Evidence.Liveness != policy.RunOver || !strings.Contains(strings.Join(f.Evidence.Reasons, "; "), f.Run.URL) {
		t.Errorf("ended: %+v", f)
	}
	if _, err := w.Run(t.Context(), "force-unlock", "-force", f.ID); err != nil {
		t.Error(err)
	}
	p.goodScan()
	p.published()
}
