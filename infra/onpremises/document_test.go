package onpremises_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// steps are the commands of docs/on-premises.md: its blocks of bash.
func steps(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(local.Root(), "docs", "on-premises.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, block := range regexp.MustCompile("(?ms)^```bash\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		all = append(all, block[1])
	}
	if len(all) != 8 {
		t.Fatalf("%d steps", len(all))
	}
	return all
}

const stuckID = "6a1f0c2e-9b7d-4e35-8a61-0d5c4b3e2f19"

// A lock that somebody left in a store beside AWS is reported through SNS, and released, by
// the very commands of the document.
func TestTheDocument(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services, local.AWSCommand, local.LambdaRIE)
	cloud := local.StartForTest(t)
	store := start(t, server.VersitygwPlain)
	client, bucket, key := buckets(store), "acme-states", "network/terraform.tfstate.tflock"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	raw, err := tflock.Info{
		ID: stuckID, Operation: "OperationTypeApply", Who: "ana@laptop", Version: "1.11.4", Created: time.Now().UTC(), Path: bucket + "/network/terraform.tfstate",
	}.Marshal()
	if err == nil {
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(string(raw)), IfNoneMatch: aws.String("*")})
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the store's clock has seconds

	settings := map[string]string{
		"PREFIX": t.TempDir(), "STORE": store, "BUCKET": bucket, "STORE_KEY": server.AccessKey, "STORE_SECRET": server.SecretKey,
		"STUCK_AFTER": "1ms", "RELEASE_GUARD": "1ms", "LOCK_ID": stuckID, "PATH": filepath.Join(local.Root(), ".build", "awscli") + ":" + os.Getenv("PATH"),
	}
	for name, value := range cloud.Env() {
		settings[name] = value
	}
	delete(settings, "TRUST_STORES") // the store is probed
	said := run(t, settings, steps(t))

	for _, part := range []string{
		"Locks here are real", "Unlock is safe here", // the probe
		`"stuck":1`, `"path":"acme-states/network/terraform.tfstate"`, // the scan
		`"outcome":"released"`, // the release
	} {
		if !strings.Contains(said, part) {
			t.Errorf("no step says %s", part)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
	var types []string
	messages, err := cloud.Published("arn:aws:sns:" + local.Region + ":123456789012:lockwarden")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		types = append(types, m.Attributes["type"])
		if !strings.Contains(m.Texts["email"], "ana@laptop") {
			t.Errorf("the mail is %q", m.Texts["email"])
		}
	}
	if got := strings.Join(types, " "); got != "lock.stuck lock.released" {
		t.Errorf("published: %s", got)
	}
	left, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil || len(left.Contents) > 0 {
		t.Errorf("left: %+v %v", left, err)
	}
}

// run runs steps in one shell, as somebody who pastes them one after the other.
func run(t *testing.T, settings map[string]string, steps []string) string {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(steps, "\n"))
	shell.Dir, shell.Env = local.Root(), []string{"HOME=" + os.Getenv("HOME")}
	for name, value := range settings {
		shell.Env = append(shell.Env, name+"="+value)
	}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
