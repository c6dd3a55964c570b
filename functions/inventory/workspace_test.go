package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

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

// repair does what a finding names as its repair.
func (s *site) repair(fix *policy.StateFix) {
	s.Helper()
	request, err := json.Marshal(fix)
	if err != nil {
		s.Fatal(err)
	}
	payload := strings.TrimSuffix(string(request), "}") + `,"reason":"as the finding says","requested_by":"ana"}`
	if result := s.invoke("repair", "RepairFunction", payload); !strings.Contains(result.Payload, `"outcome":"repaired"`) {
		s.Fatal(result.Payload)
	}
}

func (s *site) remove(key string) {
	s.Helper()
	if _, err := s.stack.AWS().S3().DeleteObject(s.Context(), &s3.DeleteObjectInput{Bucket: aws.String(s.bucket()), Key: &key}); err != nil {
		s.Fatal(err)
	}
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

// lockedApply begins an apply that two scans of the monitor see, and a third one sees to be
// over. The function that it gives waits for that.
func (s *site) lockedApply(client local.Client, key string, mode local.Mode) (ended func() error) {
	s.Helper()
	dir, failed := s.TempDir(), make(chan error, 1)
	go func() {
		_, run, err := s.stack.Hold(s.Context(), client, dir, key, mode, []string{"-var=seconds=12", "-replace=terraform_data.app"})
		if err == nil {
			err = errors.Join(s.stack.Scan(s.Context()), s.stack.Scan(s.Context()))
			err = errors.Join(err, run.Wait(), s.stack.Scan(s.Context()))
		}
		failed <- err
	}()
	return func() error { return <-failed }
}
