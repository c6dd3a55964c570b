package backend_test

import (
	"errors"
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
	calls := 0
	bucket := muchWritten(t, &calls)
	states, _, err := bucket.HistoryWithLocks(t.Context(), "states/a-team/x", "a version that expired")
	if err != nil || len(states) != backend.MaxTraces || states[0].ID != "v0" || calls > 3 {
		t.Errorf("%d versions in %d calls, %v", len(states), calls, err)
	}
	if states, _, err = bucket.HistoryWithLocks(t.Context(), "states/a-team/x", "v1500"); err != nil || len(states) != 1501 {
		t.Errorf("back to a version: %d, %v", len(states), err)
	}
}

// Prune reads a history up to a version. Where too many are newer, that one is neither gone nor there:
// it is not known.
func TestAVersionBeyondTheBoundIsNotKnown(t *testing.T) {
	t.Parallel()
	calls := 0
	bucket := muchWritten(t, &calls)
	for _, back := range []string{"a version that expired", "v49999", ""} {
		calls = 0
		history, err := bucket.History(t.Context(), "states/a-team/x", back)
		if !errors.Is(err, backend.ErrDeepHistory) || len(history) != 0 || calls > 11 {
			t.Errorf("back to %q: %d versions in %d calls, %v", back, len(history), calls, err)
		}
	}
	if history, err := bucket.History(t.Context(), "states/a-team/x", "v1500"); err != nil || len(history) != 1501 || history[1500].ID != "v1500" {
		t.Errorf("back to a version within the bound: %d, %v", len(history), err)
	}
}

// muchWritten is a bucket with a state of 50,000 versions.
func muchWritten(t *testing.T, calls *int) *backend.Bucket {
	const pages = 50
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*calls++
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
	t.Cleanup(store.Close)
	set, err := backend.Open(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &store.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	}, nil, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	return set.Buckets[0]
}
