package backend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const sealedAt = "2026-11-23T07:06:04.000Z"

// oneSealed is a bucket of three lock objects, whose second one S3 does not give: it
// answers as this test says. moto does not do archives, nor keys of the client.
func oneSealed(t *testing.T, status int, code string) *backend.Bucket {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case query.Get("list-type") == "2":
			fmt.Fprint(w, `<ListBucketResult><Name>states</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>`)
			for _, name := range []string{"a", "b", "c"} {
				if key := name + tflock.Suffix; strings.HasPrefix(key, query.Get("prefix")) {
					fmt.Fprintf(w, `<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>180</Size></Contents>`, key, sealedAt, name)
				}
			}
			fmt.Fprint(w, `</ListBucketResult>`)
		case strings.HasSuffix(r.URL.Path, "/b.tflock"):
			w.WriteHeader(status)
			if code != "" {
				fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
			}
		case r.Method == http.MethodHead:
		default:
			w.Header().Set("ETag", `"`+strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/states/"), tflock.Suffix)+`"`)
			fmt.Fprint(w, `{"ID":"`+r.URL.Path+`"}`)
		}
	}))
	t.Cleanup(endpoint.Close)
	cfg := server.Config()
	cfg.BaseEndpoint = &endpoint.URL
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	set, err := backend.Open(cfg, nil, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	return set.Buckets[0]
}

func TestOneSealedObjectIsOneUnreadableHolding(t *testing.T) {
	for name, tc := range map[string]struct {
		status     int
		code, says string
	}{
		"archived":                        {http.StatusForbidden, "InvalidObjectState", "was archived"},
		"a key of its writer (SSE-C)":     {http.StatusBadRequest, "InvalidRequest", "SSE-C"},
		"a KMS key that we may not use":   {http.StatusForbidden, "AccessDenied", "access to the object is denied"},
		"a KMS key that is disabled":      {http.StatusBadRequest, "KMS.DisabledException", "KMS key cannot be used"},
		"a KMS key that is to be deleted": {http.StatusBadRequest, "KMS.KMSInvalidStateException", "KMS key cannot be used"},
		"a refusal that nobody foresaw":   {http.StatusMethodNotAllowed, "MethodNotAllowed", "MethodNotAllowed"},
		"a legal matter":                  {http.StatusUnavailableForLegalReasons, "UnavailableForLegalReasons", "UnavailableForLegalReasons"},
	} {
		t.Run(name, func(t *testing.T) {
			b := oneSealed(t, tc.status, tc.code)
			check := func(h tflock.Holding) {
				t.Helper()
				if h.Err == nil || !strings.Contains(h.Err.Error(), tc.says) || h.ETag != `"b"` || h.Modified.Format(time.RFC3339) != "2026-11-23T07:06:04Z" || h.Path != "states/b" {
					t.Errorf("got %+v", h)
				}
			}
			got := list(t, b) // fails when the bucket does
			if len(got) != 3 || got["states/a"].Err != nil || got["states/c"].Err != nil {
				t.Errorf("its neighbours: %+v", got)
			}
			check(got["states/b"])
			h, found, err := b.Find(t.Context(), "states/b")
			if err != nil || !found {
				t.Fatalf("%v, %v", found, err)
			}
			check(h)
		})
	}
}

func TestWhatConcernsTheBucketOrTheMomentIsAFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
	}{
		"the bucket was deleted":   {http.StatusNotFound, "NoSuchBucket"},
		"a throttle":               {http.StatusServiceUnavailable, "SlowDown"},
		"KMS throttles":            {http.StatusBadRequest, "KMS.ThrottlingException"},
		"a throttle without a 5xx": {http.StatusTooManyRequests, "TooManyRequestsException"},
		"a request that took long": {http.StatusBadRequest, "RequestTimeout"},
		"credentials that expired": {http.StatusBadRequest, "ExpiredToken"},
		"a clock that is wrong":    {http.StatusForbidden, "RequestTimeTooSkewed"},
		"an internal error":        {http.StatusInternalServerError, "InternalError"},
		"a proxy's 404":            {http.StatusNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := oneSealed(t, tc.status, tc.code)
			var failure error
			locks := 0
			for h, err := range b.Holdings(t.Context()) {
				if err != nil {
					failure = err
				} else if h.Err == nil {
					locks++
				}
			}
			if failure == nil || locks != 2 {
				t.Errorf("%d locks, %v", locks, failure)
			}
			if h, _, err := b.Find(t.Context(), "states/b"); err == nil {
				t.Errorf("found %+v", h)
			}
		})
	}
}
