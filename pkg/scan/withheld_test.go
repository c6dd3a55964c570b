package scan_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
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

// Teams share the first part of their keys. A lock object of one of them that S3 fails to give is the failure of its folder.
func TestALockObjectThatS3FailsToGiveIsNoFailureOfAFolderBesideIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ failing, unread, read []string }{
		"one":                     {[]string{"env:/junk/x"}, []string{"env:/junk/y"}, []string{"env:/production/x", "zoo/x"}},
		"two of one folder":       {[]string{"env:/junk/x", "env:/junk/z/y"}, []string{"env:/junk/y"}, []string{"env:/production/x", "zoo/x"}},
		"those of two folders":    {[]string{"env:/junk/x", "env:/w/x"}, []string{"env:/production/x"}, []string{"zoo/x"}},
		"those of three, one out": {[]string{"env:/junk/x", "env:/w/x", "zoo/y"}, []string{"env:/production/x", "zoo/x", "other/x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bucket := &scale.Bucket{Name: "states"}
				for _, key := range slices.Concat(tc.failing, tc.unread, tc.read) {
					bucket.Put(key+tflock.Suffix, victim, time.Now().Add(-time.Hour))
				}
				fails := func(r *http.Request) bool {
					return r.Method == http.MethodGet && slices.Contains(tc.failing, strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/states/"), tflock.Suffix))
				}
				arn := scale.BucketARN("states")
				ctx, cancel := invocation(t)
				defer cancel()
				client := failing{scale.Direct{World: &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}}, 500, "InternalError", fails}
				found := scan.New(inProcess(t, client, nil, []string{arn}), rules, time.Now).Read(ctx)
				for _, key := range slices.Concat(tc.failing, tc.unread, tc.read) {
					if unread := !slices.Contains(tc.read, key); found.Unread(tflock.NewPath("states", key), arn) != unread {
						t.Errorf("%s: not read %v: %v", key, !unread, found.Errors())
					}
				}
			})
		})
	}
}

// Very many objects of one prefix that S3 fails to give leave others their second attempt: what the SDK repeats of calls is not
// taken from one quota. The second bucket is of the same region, and S3 answers its first call with a 503 when twice as many have failed as
// the quota lets repeat, which is well within the time of one call.
func TestFailuresOfOnePrefixTakeNoAttemptFromOthers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		code   string
	}{"a 503": {503, "ServiceUnavailable"}, "a 500": {500, "InternalError"}, "a throttle": {503, "SlowDown"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				states, others := &scale.Bucket{Name: "states"}, &scale.Bucket{Name: "others"}
				for i := range 1500 {
					states.Put(fmt.Sprintf("a-team/%d", i)+tflock.Suffix, victim, time.Now().Add(-time.Hour))
				}
				others.Put("production/x"+tflock.Suffix, victim, time.Now().Add(-time.Hour))
				var failed, listed atomic.Int32
				world := &scale.World{Buckets: map[string]*scale.Bucket{"states": states, "others": others}}
				client := failing{scale.Direct{World: world}, answer.status, answer.code, func(r *http.Request) bool {
					switch {
					case strings.Contains(r.URL.Path, "/a-team/"):
						failed.Add(1)
						return true
					case strings.HasPrefix(r.URL.Path, "/others") && listed.Add(1) == 1:
						for failed.Load() < 200 {
							time.Sleep(100 * time.Millisecond)
						}
						return true
					}
					return false
				}}
				ctx, cancel := invocation(t)
				defer cancel()
				arns := []string{scale.BucketARN("states"), scale.BucketARN("others")}
				found := scan.New(inProcess(t, client, nil, arns), rules, time.Now).Read(ctx)
				if path := tflock.Path("others/production/x"); !sees(found, path) || found.Failed(arns[1]) {
					t.Errorf("%s is not read after %d failures: %v", path, failed.Load(), found.Errors())
				}
			})
		})
	}
}
