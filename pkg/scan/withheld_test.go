package scan_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// failing answers from a world, and with an error what it says.
type failing struct {
	scale.Direct
	status int
	code   string
	when   func(r *http.Request) bool
}

func (f failing) Do(r *http.Request) (*http.Response, error) {
	if !f.when(r) {
		return f.Direct.Do(r)
	}
	return &http.Response{
		StatusCode: f.status, Header: http.Header{"Content-Type": {"application/xml"}}, Request: r,
		Body: io.NopCloser(strings.NewReader("<Error><Code>" + f.code + "</Code><Message>no</Message></Error>")),
	}, nil
}

// A lock object that S3 fails to give, such as one under somebody's own KMS key that does not answer, is the failure
// of its prefix: the locks of others count as read. It does not count as gone itself.
func TestALockObjectThatS3FailsToGiveIsAFailureOfItsPrefix(t *testing.T) {
	t.Parallel()
	object := func(parts ...string) func(r *http.Request) bool {
		return func(r *http.Request) bool {
			for _, part := range parts {
				if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, part) {
					return true
				}
			}
			return false
		}
	}
	for name, tc := range map[string]struct {
		status int
		code   string
		when   func(r *http.Request) bool
		store  bool // it is the failure of the store
	}{
		"a 500":                         {500, "InternalError", object("/a-team/x.tflock"), false},
		"a 503":                         {503, "ServiceUnavailable", object("/a-team/x.tflock"), false},
		"a throttle":                    {503, "SlowDown", object("/a-team/x.tflock"), false},
		"a throttle of KMS":             {400, "KMS.ThrottlingException", object("/a-team/x.tflock"), false},
		"a key store that is late":      {400, "KMS.DependencyTimeoutException", object("/a-team/x.tflock"), false},
		"two of one prefix":             {500, "InternalError", object("/a-team/x.tflock", "/a-team/y.tflock"), false},
		"one without a prefix":          {500, "InternalError", object("/states/alone.tflock"), false},
		"those of two prefixes":         {500, "InternalError", object("/a-team/x.tflock", "/b-team/x.tflock"), true},
		"credentials that have expired": {400, "ExpiredToken", object("/a-team/x.tflock"), true},
		"a bucket that is gone":         {404, "NoSuchBucket", object("/a-team/x.tflock"), true},
		"a listing that fails":          {500, "InternalError", func(r *http.Request) bool { return r.URL.Query().Get("list-type") == "2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bucket := &scale.Bucket{Name: "states"}
				for _, key := range []string{"a-team/x", "a-team/y", "b-team/x", "alone", "production/x"} {
					bucket.Put(key+tflock.Suffix, victim, time.Now().Add(-time.Hour))
				}
				arn := scale.BucketARN("states")
				client := failing{scale.Direct{World: &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}}, tc.status, tc.code, tc.when}
				ctx, cancel := invocation(t)
				defer cancel()
				found := scan.New(inProcess(t, client, nil, []string{arn}), rules, time.Now).Read(ctx)
				if found.Failed(arn) != tc.store || found.Unread("states/production/x", arn) != tc.store || found.Withholds(arn) == tc.store {
					t.Errorf("the store failed: %v, production is not read: %v: %v", found.Failed(arn), found.Unread("states/production/x", arn), found.Errors())
				}
				for _, path := range []tflock.Path{"states/a-team/x", "states/a-team/y", "states/b-team/x", "states/alone", "states/production/x"} {
					if !sees(found, path) && !found.Unread(path, arn) {
						t.Errorf("%s counts as gone: %v", path, found.Errors())
					}
				}
				if problem := found.Failures[arn].Problem; !tc.store && (!strings.HasPrefix(problem, arn+": S3 failed to give a lock object under states/a") || !found.Failures[arn].Passing) {
					t.Errorf("%+v", found.Failures[arn])
				}
			})
		})
	}
}
