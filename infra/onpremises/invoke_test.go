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

// Whoever takes a lock writes its fields: none of them makes a scan that went well a failed unit.
func TestNoFieldOfALockMakesARunFail(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services)
	cloud := local.StartForTest(t)
	place, err := cloud.MakePlace(t.Context(), "aws")
	raw, problem := tflock.Info{ID: stuckID, Operation: "OperationTypeApply", Who: "errorType", Version: "1.11.4", Created: time.Now().UTC(), Path: place.Bucket + "/a.tfstate"}.Marshal()
	if err != nil || problem != nil {
		t.Fatal(err, problem)
	}
	key := "a.tfstate.tflock"
	if _, err = cloud.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: &key, Body: strings.NewReader(string(raw))}); err != nil {
		t.Fatal(err)
	}
	binary, err := local.Build(t.Context(), "monitor")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for from, to := range map[string]string{
		binary: "monitor", filepath.Join(local.Root(), ".build", "bin", "aws-lambda-rie"): "aws-lambda-rie", filepath.Join(local.Root(), "infra", "onpremises", "invoke"): "invoke",
	} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, to), content, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	environment := maps.Clone(cloud.Env())
	maps.Copy(environment, map[string]string{"ACCOUNT_ID": "123456789012", "BUCKET_ARNS": place.Bucket, "LEDGER_TABLE": place.Ledger, "TOPIC_ARN": place.Topic, "METRIC_NAMESPACE": "Test"})
	command := exec.CommandContext(t.Context(), filepath.Join(folder, "invoke"), "monitor")
	command.Env = os.Environ()
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	answer, err := command.Output()
	if !strings.Contains(string(answer), `"complete":true`) || err != nil {
		t.Errorf("%v: %s", err, answer)
	}
}
