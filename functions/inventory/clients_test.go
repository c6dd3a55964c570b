package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// workspace is an initialised directory of a client for a state of the stack's backend, as
// it is reached through that AWS.
func (s *site) workspace(through *local.AWS, client local.Client, key string, mode local.Mode, initArgs ...string) (*local.Workspace, string) {
	s.Helper()
	dir := s.TempDir()
	w, err := through.Workspace(s.Context(), client, dir, s.bucket(), s.stack.Outputs["LockTableName"], key, mode, initArgs...)
	if err != nil {
		s.Fatal(err)
	}
	return w, dir
}

func (s *site) mustRun(w *local.Workspace, args ...string) string {
	s.Helper()
	out, err := w.Run(s.Context(), args...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// eachClient is a test of its own for each client that is installed.
func eachClient(t *testing.T, test func(t *testing.T, client local.Client)) {
	t.Helper()
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			test(t, client)
		})
	}
}

// A client whose digest is denied says that its apply is complete, and every later plan
// fails. The finding names the version that the digest is of; after the repair that it
// names the client plans, and the finding is reported as gone.
func TestARealMismatchIsFoundAndItsRepairWorks(t *testing.T) {
	t.Parallel()
	eachClient(t, func(t *testing.T, client local.Client) {
		s := newSite(t)
		const key = "network/terraform.tfstate"
		w, _ := s.workspace(s.stack.AWS(), client, key, local.ByBoth)
		s.mustRun(w, "apply", "-auto-approve")
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
		if out, err := w.Run(t.Context(), "plan"); err == nil {
			t.Fatalf("a plan succeeds, whatever the digest: %s", out)
		}
		report := s.inventory()
		s.want("after an apply whose digest was denied", s.found(report), "digest_mismatch of "+key)
		s.want("people", s.news(), "state.finding digest_mismatch of "+key)
		f := report.Findings[0]
		if f.Evidence.VersionID != first || f.Evidence.VersionTime == nil || f.Evidence.CurrentID != s.version(key) || f.Fix == nil || f.Fix.Action != policy.AcceptState {
			t.Fatalf("%+v, fix %+v", f.Evidence, f.Fix)
		}
		fix, err := json.Marshal(f.Fix)
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.TrimSuffix(string(fix), "}") + `,"reason":"its digest was denied","requested_by":"ana"}`
		if result := s.invoke("repair", "RepairFunction", payload); !strings.Contains(result.Payload, `"outcome":"repaired"`) {
			t.Fatal(result.Payload)
		}
		s.mustRun(w, "plan", "-detailed-exitcode", "-var=seconds=1")
		s.want("after the repair", s.found(s.inventory()))
		s.want("people", s.news(), "state.finding_resolved digest_mismatch of "+key)
	})
}

func (s *site) version(key string) string {
	s.Helper()
	contents, err := s.stack.AWS().Contents(s.bucket())
	if err != nil {
		s.Fatal(err)
	}
	for _, v := range contents.Versions { // the newest of a key first
		if v.Key == key {
			return v.ID
		}
	}
	s.Fatalf("there is no %s", key)
	return ""
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
		const queue, subnet = `"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs","region":"eu-west-1"`, `"id":"short-1","region":"%s"`

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
		s.want("at first", s.found(s.inventory()))

		// The queue moves from one state to the other, as `state mv` does it: both are pulled, changed, and pushed.
		s.push(workspaces[to], file(to, "made.tfstate"), object("managed", "aws_sqs_queue", queue), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-2")))
		s.push(workspaces[from], file(from, "made.tfstate"), object("managed", "aws_route", fmt.Sprintf(subnet, "eu-west-1")))
		// A table's client moves to lockfiles, and leaves its digest behind; the monitor sees both locks.
		s.lockedApply(client, migrated, local.ByTable)
		s.lockedApply(client, migrated, local.ByFile)
		report := s.inventory()
		s.want("after a move and a migration", s.found(report), "digest_mismatch of "+migrated)
		if f := report.Findings[0]; f.Severity != policy.SeverityInfo || f.Fix == nil || f.Fix.Action != policy.DeleteDigest {
			t.Errorf("a digest that a migration left: %+v", f)
		}
		s.want("people", s.news(), "state.finding digest_mismatch of "+migrated)

		// An older state is pushed by force: the client writes its serial plus one.
		s.mustRun(workspaces[pushed], "state", "push", "-force", "old.tfstate")
		reused := s.news
		report = s.inventory()
		var forced []string
		for _, f := range s.found(report) {
			if strings.HasSuffix(f, pushed) {
				forced = append(forced, f)
			}
		}
		if len(forced) != 1 || !strings.HasPrefix(forced[0], "serial_") {
			t.Errorf("a forced push: %q", forced)
		}
		s.want("people", reused(), append([]string{}, "state.finding "+strings.Join(forced, ""))...)
		s.inventory()
		s.want("people, again", s.news())
	})
}

// object is a resource as clients write it.
func object(mode, kind, attributes string) string {
	return fmt.Sprintf(`{"mode":%q,"type":%q,"name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":0,"attributes":{%s}}]}`, mode, kind, attributes)
}

// push has a client push its state with these resources in place of its own.
func (s *site) push(w *local.Workspace, file string, resources ...string) {
	s.Helper()
	pulled := s.mustRun(w, "state", "pull")
	var state map[string]json.RawMessage
	if err := json.Unmarshal([]byte(pulled), &state); err != nil {
		s.Fatalf("%v: %s", err, pulled)
	}
	var serial int
	if err := json.Unmarshal(state["serial"], &serial); err != nil {
		s.Fatal(err)
	}
	state["serial"] = json.RawMessage(fmt.Sprint(serial + 1))
	state["resources"] = json.RawMessage("[" + strings.Join(resources, ",") + "]")
	changed, err := json.Marshal(state)
	if err == nil {
		err = os.WriteFile(file, changed, 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.mustRun(w, "state", "push", filepath.Base(file))
}

// lockedApply is an apply that two scans of the monitor see, and a third one sees to be over.
func (s *site) lockedApply(client local.Client, key string, mode local.Mode) {
	s.Helper()
	_, run, err := s.stack.Hold(s.Context(), client, s.TempDir(), key, mode, []string{"-var=seconds=12", "-replace=terraform_data.app"})
	if err != nil {
		s.Fatal(err)
	}
	err = errors.Join(s.stack.Scan(s.Context()), s.stack.Scan(s.Context()))
	if err := errors.Join(err, run.Wait(), s.stack.Scan(s.Context())); err != nil {
		s.Fatal(err)
	}
}
