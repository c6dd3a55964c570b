package onpremises_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/probe"
)

func start(t *testing.T, k server.Kind) *local.AWS {
	t.Helper()
	return server.StartForTest(t, k).AWS()
}

// What the probe says of each engine is in docs/engines.md, which package engines holds against
// them, with versions where they have any. SeaweedFS has them only where somebody turns them on.
func TestTheProbeOfAStoreWhoseVersionsAreOff(t *testing.T) {
	t.Parallel()
	client, bucket := start(t, server.SeaweedFS).S3(), "states"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	r := probe.Bucket(t.Context(), client, bucket)
	if r.Create != probe.Holds || r.Delete != probe.Holds || r.CreateAfterDelete != probe.Holds || r.Versioning != probe.Off {
		t.Errorf("%+v", r)
	}
	if words := strings.Join(r.Words(), "\n"); !strings.Contains(words, "Locks here are real") {
		t.Errorf("it says\n%s", words)
	}
}
