package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// A client whose digest is denied says that its apply is complete, and every later plan
// fails. The finding names the version that the digest is of. Another state was deleted by
// hand, and its digest stayed, so that plans fail there too. After the repairs that the findings
// name the client plans, and both are reported as gone.
func TestWhatBreaksClientsIsFoundAndItsRepairWorks(t *testing.T) {
	t.Parallel()
	eachClient(t, func(t *testing.T, client local.Client) {
		s := newSite(t)
		const key, deleted = "network/terraform.tfstate", "deleted.tfstate"
		w, _ := s.workspace(s.stack.AWS(), client, key, local.ByBoth)
		s.mustRun(w, "apply", "-auto-approve")
		without, _ := s.workspace(s.stack.AWS(), client, deleted, local.ByTable)
		s.mustRun(without, "apply", "-auto-approve")
		s.want("after an apply", s.found(s.inventory()))
		first := s.version(key)
		through, stop, err := s.stack.AWS().DigestsDenied()
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		denied, _ := s.workspace(through, client, key, local.ByBoth)
		if out := s.mustRun(denied, "apply", "-auto-approve", "-var=seconds=1"); !strings.Contains(out, "Apply complete") {
			t.Fatal(out)
		}
		s.remove(deleted)
		var plans sync.WaitGroup
		for _, broken := range []*local.Workspace{w, without} { // each fails after ten seconds
			plans.Go(func() {
				if out, err := broken.Run(t.Context(), "plan"); err == nil {
					t.Errorf("a plan succeeds, whatever the digest: %s", out)
				}
			})
		}
		plans.Wait()
		report := s.inventory()
		s.want("after an apply whose digest was denied, and a delete", s.found(report), "digest_mismatch of "+key, "digest_orphan of "+deleted)
		s.want("people", s.news(), "state.finding digest_mismatch of "+key, "state.finding digest_orphan of "+deleted)
		f, orphan := report.Findings[0], report.Findings[1]
		if f.Type == policy.FindingDigestOrphan { // the other one may be a move to lockfiles, so that it is an info
			f, orphan = orphan, f
		}
		if f.Evidence.VersionID != first || f.Evidence.VersionTime == nil || f.Evidence.CurrentID != s.version(key) || f.Fix == nil || f.Fix.Action != policy.AcceptState {
			t.Fatalf("%+v, fix %+v", f.Evidence, f.Fix)
		}
		if orphan.Evidence.Digest == "" || orphan.Fix == nil || orphan.Fix.Action != policy.DeleteDigest {
			t.Fatalf("%+v, fix %+v", orphan.Evidence, orphan.Fix)
		}
		s.repair(f.Fix)
		s.repair(orphan.Fix)
		s.mustRun(w, "plan", "-detailed-exitcode", "-var=seconds=1")
		s.mustRun(without, "plan")
		s.want("after the repairs", s.found(s.inventory()))
		s.want("people", s.news(), "state.finding_resolved digest_mismatch of "+key, "state.finding_resolved digest_orphan of "+deleted)
	})
}

// What real clients do on purpose is not a finding, or one that is reported once.
func TestWhatClientsDoOnPurpose(t *testing.T) {
	t.Parallel()
	eachClient(t, func(t *testing.T, client local.Client) {
		s := newSite(t)
		dirs, workspaces := map[string]string{}, map[string]*local.Workspace{}
		open := func(key string, mode local.Mode, initArgs ...string) *local.Workspace {
			w, dir := s.workspace(s.stack.AWS(), client, key, mode, initArgs...)
			dirs[key], workspaces[key] = dir, w
			return w
		}
		file := func(key, name string) string { return filepath.Join(dirs[key], name) }
		save := func(key, name, content string) {
			t.Helper()
			if err := os.WriteFile(file(key, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		const pushed, from, to, sealed, migrated = "pushed.tfstate", "from.tfstate", "to.tfstate", "kms.tfstate", "migrated.tfstate"
		const queue, subnet = `"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs","region":"eu-west-1"`, `"id":"r-rtb-1","region":"%s"`

		// A table's client is at work meanwhile, which the monitor sees; later it moves to lockfiles.
		byTable := s.lockedApply(client, migrated, local.ByTable)
		for _, key := range []string{pushed, from, to} {
			s.mustRun(open(key, local.ByBoth), "apply", "-auto-approve")
		}
		// Under a KMS key the ETag is not the MD5.
		s.mustRun(open(sealed, local.ByTable, "-backend-config=encrypt=true", "-backend-config=kms_key_id=arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-4333-8444-555555555555"), "apply", "-auto-approve")
		old := s.mustRun(workspaces[pushed], "state", "pull")
		save(pushed, "old.tfstate", old)
		s.mustRun(workspaces[pushed], "apply", "-auto-approve", "-var=ticks=0", "-var=seconds=0", "-replace=terraform_data.app")
		// Two states with the same short ID, in two regions and of two types, and one that only reads the other's queue.
		s.push(workspaces[from], file(from, "made.tfstate"), object("managed", "aws_sqs_queue", queue), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-1")), object("managed", "aws_eip", fmt.Sprintf(subnet, "eu-west-1")))
		s.push(workspaces[to], file(to, "made.tfstate"), object("data", "aws_sqs_queue", queue), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-2")), object("managed", "aws_subnet", fmt.Sprintf(subnet, "eu-west-1")))
		if err := byTable(); err != nil {
			t.Fatal(err)
		}
		s.want("at first", s.found(s.inventory()))

		// The table's client moves to lockfiles, and leaves its digest behind; the monitor sees both locks.
		byFile := s.lockedApply(client, migrated, local.ByFile)
		// The queue moves from one state to the other, as `state mv` does it: both are pulled, changed, and pushed.
		s.push(workspaces[to], file(to, "made.tfstate"), object("managed", "aws_sqs_queue", queue), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-2")))
		s.push(workspaces[from], file(from, "made.tfstate"), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-1")))
		if err := byFile(); err != nil {
			t.Fatal(err)
		}
		report := s.inventory()
		s.want("after a move and a migration", s.found(report), "digest_mismatch of "+migrated)
		if f := report.Findings[0]; f.Severity != policy.SeverityInfo || f.Fix == nil || f.Fix.Action != policy.DeleteDigest {
			t.Errorf("a digest that a migration left: %+v", f)
		}
		s.want("people", s.news(), "state.finding digest_mismatch of "+migrated)
		s.repair(report.Findings[0].Fix)

		// The queue comes back to the first state, and somebody forgets to take it out of the other.
		s.push(workspaces[from], file(from, "made.tfstate"), object("managed", "aws_sqs_queue", queue), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-1")))
		// An older state is pushed by force: the client writes its serial plus one.
		s.mustRun(workspaces[pushed], "state", "push", "-force", "old.tfstate")
		report = s.inventory()
		const twice = "duplicate_resource of " + from + " and " + to
		forced := slices.DeleteFunc(s.found(report), func(f string) bool { return !strings.HasSuffix(f, pushed) })
		if len(forced) != 1 || !strings.HasPrefix(forced[0], "serial_") {
			t.Fatalf("a forced push: %q", forced)
		}
		s.want("after a forced push and a queue in two states", s.found(report), forced[0], twice)
		if d := report.Findings[len(report.Findings)-1].Evidence; d.Count != 1 || len(d.Resources) != 1 || d.Resources[0].ARN != "arn:aws:sqs:eu-west-1:123456789012:jobs" {
			t.Errorf("the queue that two states manage: %+v", d)
		}
		s.want("people", s.news(), "state.finding "+forced[0], "state.finding "+twice, "state.finding_resolved digest_mismatch of "+migrated)
		s.want("of what has not changed", s.found(s.inventory()), twice)
		s.want("people, again", s.news())
	})
}

// A client applies under its lock, and another one with -lock=false meanwhile: both write the next serial,
// and the last one wins. A third apply hides it from whoever looks at the newest version alone.
// The inventory names both versions, and the session that held the lock.
func TestTwoClientsWriteOneStateAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	const key, session = "raced.tfstate", "gh-1296269-42"
	first, other := clients[0], clients[len(clients)-1] // OpenTofu, and Terraform where it is on the PATH
	careless, _ := s.workspace(s.stack.AWS(), other, key, local.ByFile)
	s.mustRun(careless, "apply", "-auto-approve")
	s.want("at first", s.found(s.inventory()))
	holder, run, err := s.stack.Hold(t.Context(), first, t.TempDir(), key, local.ByFile, []string{"-var=seconds=20"})
	if err != nil {
		t.Fatal(err)
	}
	const second = 1100 * time.Millisecond // of S3's times, which do not show which of two came first
	time.Sleep(second)
	s.mustRun(careless, "apply", "-auto-approve", "-lock=false", "-replace=terraform_data.app")
	without := s.version(key)
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	within := s.version(key)
	time.Sleep(second)
	s.mustRun(holder, "apply", "-auto-approve", "-var=seconds=0")
	all, err := s.stack.AWS().Notifications(t.Context(), s.bucket(), key+".tflock")
	for i := range all {
		all[i] = all[i].By(session)
	}
	if err := errors.Join(err, s.stack.Notify(t.Context(), all...)); err != nil || len(all) < 6 || without == within {
		t.Fatalf("%d events, %v, versions %s and %s", len(all), err, without, within)
	}
	report := s.inventory()
	if len(report.Findings) != 1 || !strings.HasPrefix(string(report.Findings[0].Type), "serial_") {
		t.Fatalf("%q", s.found(report))
	}
	f := report.Findings[0]
	if b, a := f.Evidence.Before, f.Evidence.After; b.VersionID != without || a.VersionID != within || b.Serial == nil || a.Serial == nil {
		t.Errorf("%+v and %+v; want the versions %s and %s", b, a, without, within)
	}
	if !strings.Contains(f.Text, without) || !strings.Contains(f.Text, within) || !strings.Contains(f.Text, "while "+session+" held the lock") {
		t.Error(f.Text)
	}
	s.want("people", s.news(), "state.finding "+s.named(f))
	s.want("notified once", s.found(s.inventory()))
}
