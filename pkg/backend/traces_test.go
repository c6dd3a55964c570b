package backend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// Whoever writes a state some hundred thousand times takes neither the memory nor the calls of an
// inventory.
func TestTheHistoryOfAStateIsBounded(t *testing.T) {
	t.Parallel()
	const pages = 50
	calls := 0
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.URL.Query().Get("prefix") != "a-team/x" {
			fmt.Fprint(w, `<ListVersionsResult><Name>states</Name><IsTruncated>false</IsTruncated></ListVersionsResult>`)
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("version-id-marker"))
		var b strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&b, `<Version><Key>a-team/x</Key><VersionId>v%d</VersionId><IsLatest>%t</IsLatest><LastModified>2026-11-28T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>2</Size></Version>`, n*1000+i, n+i == 0)
		}
		fmt.Fprintf(w, `<ListVersionsResult><Name>states</Name><IsTruncated>%t</IsTruncated><NextKeyMarker>a-team/x</NextKeyMarker><NextVersionIdMarker>%d</NextVersionIdMarker>%s</ListVersionsResult>`, n+1 < pages, n+1, b.String())
	}))
	defer store.Close()
	set, err := backend.Open(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &store.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	}, nil, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	states, _, err := set.Buckets[0].HistoryWithLocks(t.Context(), "states/a-team/x", "a version that expired")
	if err != nil || len(states) != backend.MaxTraces || states[0].ID != "v0" || calls > 3 {
		t.Errorf("%d versions in %d calls, %v", len(states), calls, err)
	}
	if states, _, err = set.Buckets[0].HistoryWithLocks(t.Context(), "states/a-team/x", "v1500"); err != nil || len(states) != 1501 {
		t.Errorf("back to a version: %d, %v", len(states), err)
	}
}
