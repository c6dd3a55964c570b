package onpremises_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// runsByInvoke runs one function by the script that on-call has, over a bucket with the lock object of a state.
func runsByInvoke(t *testing.T, function, who, payload string) (answer string, err error, stays bool) {
	t.Helper()
	local.Need(t, local.Services, local.LambdaRIE)
	cloud := local.StartForTest(t)
	place, err := cloud.MakePlace(t.Context(), "states")
	raw, problem := tflock.Info{ID: stuckID, Operation: "OperationTypeApply", Who: who, Version: "1.11.4", Created: time.Now().UTC(), Path: "states/prod/x"}.Marshal()
	if err != nil || problem != nil {
		t.Fatal(err, problem)
	}
	key := "prod/x.tflock"
	if _, err = cloud.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: &key, Body: strings.NewReader(string(raw))}); err != nil {
		t.Fatal(err)
	}
	binary, err := local.Build(t.Context(), function)
	if err != nil {
		t.Fatal(err)
	}
	environment := maps.Clone(cloud.Env())
	maps.Copy(environment, map[string]string{"ACCOUNT_ID": "123456789012", "BUCKET_ARNS": place.Bucket, "LEDGER_TABLE": place.Ledger, "TOPIC_ARN": place.Topic, "METRIC_NAMESPACE": "Test"})
	answer, err = invoked(t, function, binary, payload, environment)
	_, gone := cloud.S3().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &place.Bucket, Key: &key})
	return answer, err, gone == nil
}

// invoked runs a program as a function, by the script.
func invoked(t *testing.T, function, program, payload string, environment map[string]string) (answer string, err error) {
	t.Helper()
	folder := t.TempDir()
	for from, to := range map[string]string{
		program: function, filepath.Join(local.Root(), ".build", string(local.LambdaRIE)): "aws-lambda-rie", filepath.Join(local.Root(), "infra", "onpremises", "invoke"): "invoke",
	} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, to), content, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), filepath.Join(folder, "invoke"), function, payload)
	command.Env = os.Environ()
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.Output()
	return string(out), err
}

// Whoever takes a lock writes its fields: none of them makes a scan that went well a failed unit.
func TestNoFieldOfALockMakesARunFail(t *testing.T) {
	t.Parallel()
	if answer, err, _ := runsByInvoke(t, "monitor", "errorType", "{}"); !strings.Contains(answer, `"complete":true`) || err != nil {
		t.Errorf("%v: %s", err, answer)
	}
}

// A text that somebody put between the quotes of a payload may end them, and the payload: what its writer did not want would be left out.
func TestAPayloadIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	pasted := `the laptop of deploy@team-dev died","lock_id":"` + stuckID + `","path":"states/prod/x","force":true,"requested_by":"me"}}`
	answer, err, stays := runsByInvoke(t, "unlock", "deploy@prod", `{"reason": "`+pasted+`", "lock_id": "78007e4f-0000-4000-8000-000000000000", "path": "states/dev/x", "dry_run": true}`)
	if !stays || err == nil || !strings.Contains(answer, "behind it") {
		t.Errorf("the lock stays: %v; %v: %s", stays, err, answer)
	}
}

// The emulator answers for a function that had no time left as if all were well.
func TestAFunctionWithoutTimeLeftFails(t *testing.T) {
	t.Parallel()
	local.Need(t, local.LambdaRIE)
	hangs := filepath.Join(t.TempDir(), "hangs")
	if err := os.WriteFile(hangs, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	answer, err := invoked(t, "monitor", hangs, "{}", map[string]string{"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"})
	if !strings.Contains(answer, "timed out") || err == nil {
		t.Errorf("%v: %s", err, answer)
	}
}
