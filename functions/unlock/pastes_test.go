package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// What on-call pastes, one text of each kind, releases the lock that it names through the deployed
// function. All texts are in pkg/unlock.
func TestPastesReleaseTheirLock(t *testing.T) {
	const id = "8e1b6c40-2f5a-4d07-b3c9-71a0e5d2f968"
	var files []string
	for _, name := range []string{
		"clients/terraform-dynamodb-colours", "clients/tofu-lockfile-json", "clients/terragrunt-keyvalue", "pastes/make-metacharacters", "pastes/our-own-mail", "pastes/slack-copied-on-a-phone",
		"pastes/our-command-from-shell-history", "pastes/masked-bucket", "pastes/path-wrapped-by-a-terminal", "pastes/no-break-spaces", "pastes/id-in-backticks",
	} {
		files = append(files, filepath.Join(local.Root(), "pkg", "tflock", "testdata", filepath.FromSlash(name)+".txt"))
	}
	stack := local.ForTest(t, map[string]string{"ReleaseGuard": "1ms"})
	bucket, key := stack.Outputs["StateBucketName"], "payments/production/terraform.tfstate"
	object := key + ".tflock"
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "x", Created: time.Now().UTC(), Path: bucket + "/" + key}.Marshal()
			if err == nil {
				_, err = stack.AWS().S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &object, Body: strings.NewReader(string(raw))})
			}
			if err == nil {
				err = stack.AWS().Age(bucket, object, time.Minute) // it is past the guard
			}
			if err != nil {
				t.Fatal(err)
			}
			pasted := strings.ReplaceAll(string(text), "acme-states/", bucket+"/") // also where a line ends within the key
			if a := invoke(t, stack, pasted); a.Outcome != unlock.Released || a.Lock == nil || a.Lock.ID != id {
				t.Errorf("got %+v", a)
			}
		})
	}
}
