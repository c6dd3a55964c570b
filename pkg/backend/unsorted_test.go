package backend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// SeaweedFS gives, of the keys of a versioned bucket, any one where one is asked for, and sorts
// a page only after that. The guard before a release then missed that a state was just written.
func TestAStateIsSeenInAStoreThatGivesItsLockFirst(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entry := func(key string) string {
			return "<Contents><Key>" + key + "</Key><LastModified>" + now.Format(time.RFC3339) + "</LastModified><Size>2</Size></Contents>"
		}
		all, cut := entry("a.tfstate.tflock"), true
		if r.URL.Query().Get("max-keys") != "1" || r.URL.Query().Has("continuation-token") {
			all, cut = entry("a.tfstate")+all, false
		}
		fmt.Fprintf(w, `<ListBucketResult><Name>states</Name><KeyCount>2</KeyCount><IsTruncated>%t</IsTruncated><NextContinuationToken>x</NextContinuationToken>%s</ListBucketResult>`, cut, all)
	}))
	defer store.Close()
	set, err := backend.Open(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &store.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	}, nil, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := set.Buckets[0].StateWritten(t.Context(), "states/a.tfstate"); err != nil || !at.Equal(now) {
		t.Errorf("written at %s, %v", at, err)
	}
}
