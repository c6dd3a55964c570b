package backend_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// refusing returns a set of one table and one bucket that AWS answers like this for
// everything but the look for the bucket's region.
func refusing(t *testing.T, status int, code string) backend.Set {
	t.Helper()
	set, err := backend.Open(refusal(t, status, code), []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks"}, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func refusal(t *testing.T, status int, code string) aws.Config {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead:
		case r.Header.Get("X-Amz-Target") != "":
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"}`))
		default:
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`<Error><Code>` + code + `</Code><Message>no</Message></Error>`))
		}
	}))
	t.Cleanup(endpoint.Close)
	cfg := server.Config()
	cfg.BaseEndpoint = &endpoint.URL
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

func TestARefusalIsAnErrorThatNamesTheCause(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
		want   string
	}{
		"no permission":             {http.StatusForbidden, "AccessDeniedException", "access denied"},
		"throttled":                 {http.StatusBadRequest, "ThrottlingException", "throttled beyond all retries"},
		"slow down":                 {http.StatusServiceUnavailable, "SlowDown", "throttled beyond all retries"},
		"a key that is disabled":    {http.StatusBadRequest, "KMS.DisabledException", "its KMS key cannot be used"},
		"a table of another schema": {http.StatusBadRequest, "ValidationException", "whose key is LockID"},
		"something else":            {http.StatusInternalServerError, "InternalError", "InternalError: no"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range refusing(t, tc.status, tc.code).All() {
				var failure error
				for h, err := range s.Holdings(t.Context()) {
					if err == nil {
						t.Errorf("%s: a holding in a refusal: %+v", s.ARN(), h)
					}
					failure = err
				}
				if failure == nil || !strings.Contains(failure.Error(), tc.want) || !strings.HasPrefix(failure.Error(), s.ARN()) {
					t.Errorf("%s: listing: %v", s.ARN(), failure)
				}
				path := "states/a/terraform.tfstate"
				if _, _, err := s.Find(t.Context(), tflock.Path(path)); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: finding: %v", s.ARN(), err)
				}
				if err := s.Release(t.Context(), tflock.Holding{Path: tflock.Path(path), Raw: "x", ETag: `"e"`}); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: releasing: %v", s.ARN(), err)
				}
			}
		})
	}
}
