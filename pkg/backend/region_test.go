package backend_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// aBucket returns a bucket with one state in it, as seen from scale.Region.
func aBucket(t *testing.T, region string) (*scale.World, *backend.Bucket) {
	t.Helper()
	w := &scale.World{Latency: time.Millisecond, Buckets: map[string]*scale.Bucket{"states": {Name: "states", Region: region}}}
	w.Buckets["states"].Put("k", "{}", time.Now())
	cfg := w.Online(t)
	cfg.HTTPClient = server.Config().HTTPClient
	set, err := backend.Open(cfg, nil, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	return w, set.Buckets[0]
}

// firstCalls are the calls with which a function may begin.
var firstCalls = map[string]func(context.Context, *backend.Bucket) error{
	"list locks": func(ctx context.Context, b *backend.Bucket) error {
		for _, err := range b.Holdings(ctx) {
			return err
		}
		return nil
	},
	"list states": func(ctx context.Context, b *backend.Bucket) error {
		for o, err := range b.Objects(ctx, "", "") {
			if err == nil && o.Key != "k" {
				err = fmt.Errorf("listed %q", o.Key)
			}
			return err
		}
		return errors.New("nothing was listed")
	},
	"ask for versioning": func(ctx context.Context, b *backend.Bucket) error { _, err := b.Versioned(ctx); return err },
	"ask for tags": func(ctx context.Context, b *backend.Bucket) error {
		_, err := b.Tagged(ctx, "states/k", "keep")
		return err
	},
	"find a lock": func(ctx context.Context, b *backend.Bucket) error {
		_, found, err := b.Find(ctx, "states/k")
		if found {
			return errors.New("found a lock")
		}
		return err
	},
	"read a state": func(ctx context.Context, b *backend.Bucket) error {
		s, err := b.ReadState(ctx, "states/k", "")
		if err == nil {
			err = s.Close()
		}
		return err
	},
	"take a lock, and give it back": func(ctx context.Context, b *backend.Bucket) error {
		h, err := b.Acquire(ctx, "states/k", []byte(`{"ID":"1"}`))
		if err != nil {
			return err
		}
		now, _, err := b.Find(ctx, "states/k")
		if err == nil && now.Raw != `{"ID":"1"}` {
			err = fmt.Errorf("the lock is %q", now.Raw)
		}
		return errors.Join(err, b.Release(ctx, h))
	},
	"delete a state": func(ctx context.Context, b *backend.Bucket) error {
		if _, err := b.DeleteState(ctx, "states/k", `"99914b932bd37a50b983c5e7c90ae93b"`); err != nil {
			return err
		}
		_, err := b.ReadState(ctx, "states/k", "")
		if errors.Is(err, backend.ErrGone) {
			return nil
		}
		return fmt.Errorf("after the delete: %w", err)
	},
}

func TestABucketIsFoundInItsRegion(t *testing.T) {
	for name, call := range firstCalls {
		t.Run(name+", at home, without a look for the region", func(t *testing.T) {
			w, b := aBucket(t, "")
			if err := call(t.Context(), b); err != nil || w.Calls()["HeadBucket"] != 0 {
				t.Errorf("got %v with %v", err, w.Calls())
			}
		})
		t.Run(name+", elsewhere, with one look", func(t *testing.T) {
			w, b := aBucket(t, "us-west-2")
			if err := call(t.Context(), b); err != nil || w.Calls()["HeadBucket"] != 1 {
				t.Errorf("got %v with %v", err, w.Calls())
			}
		})
	}
	t.Run("many calls at once look once", func(t *testing.T) {
		w, b := aBucket(t, "us-west-2")
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := b.Versioned(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if w.Calls()["HeadBucket"] != 1 {
			t.Errorf("got %v", w.Calls())
		}
	})
}

// Each call by itself must tell a bucket that is gone from an object that is.
func TestABucketThatIsGoneIsNeverAnEmptyOne(t *testing.T) {
	w, b := aBucket(t, "")
	delete(w.Buckets, "states")
	for name, call := range firstCalls {
		if err := call(t.Context(), b); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Release(t.Context(), tflock.Holding{Path: "states/k", ETag: `"e"`}); err == nil || errors.Is(err, backend.ErrGone) {
		t.Errorf("release: %v", err)
	}
	if _, err := b.StateDigest(t.Context(), "states/k"); err == nil {
		t.Error("the digest of a state in no bucket")
	}
	if _, err := b.StateWritten(t.Context(), "states/k"); err == nil {
		t.Error("the time of a state in no bucket")
	}
}

// What S3 may say in place of an answer, and of HeadBucket, which has no body.
func TestTheWaysToHearOfARegion(t *testing.T) {
	for name, tc := range map[string]struct {
		status       int
		code         string
		head         int    // of HeadBucket
		region       string // that it tells
		found        bool
		wants        string // in the error
		headsOfThree int    // how often it is asked in three calls
	}{
		"a signature for another region":                   {400, "AuthorizationHeaderMalformed", 400, "us-west-2", true, "", 1},
		"a region that this one does not take":             {400, "IllegalLocationConstraintException", 403, "us-west-2", true, "", 1},
		"a new bucket, whose redirect loses the signature": {403, "AccessDenied", 403, "us-west-2", true, "", 1},
		"a real denial, asked about once":                  {403, "AccessDenied", 200, scale.Region, false, "access denied", 1},
		"a denial where HeadBucket says nothing":           {403, "AccessDenied", 403, "", false, "access denied", 1},
		"a bucket that goes in between":                    {301, "PermanentRedirect", 404, "", false, "does not exist", 3},
		"a 404 that is not S3's":                           {404, "", 200, scale.Region, false, "NotFound", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var heads atomic.Int64
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				signedFor := strings.Split(r.Header.Get("Authorization"), "/")[2]
				switch {
				case r.Method == http.MethodHead:
					heads.Add(1)
					if tc.region != "" {
						w.Header().Set("X-Amz-Bucket-Region", tc.region)
					}
					w.WriteHeader(tc.head)
				case signedFor == scale.Region:
					w.WriteHeader(tc.status)
					if tc.code != "" {
						_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", tc.code)
					}
				default:
					_, _ = w.Write([]byte(`{"ID":"1"}`))
				}
			}))
			t.Cleanup(endpoint.Close)
			cfg := server.Config()
			cfg.Region, cfg.BaseEndpoint = scale.Region, &endpoint.URL
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			set, err := backend.Open(cfg, nil, []string{scale.BucketARN("states")})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				_, found, err := set.Buckets[0].Find(t.Context(), "states/k")
				if found != tc.found || (err == nil) != tc.found || (err != nil && !strings.Contains(err.Error(), tc.wants)) {
					t.Errorf("got %v, %v", found, err)
				}
			}
			if int(heads.Load()) != tc.headsOfThree {
				t.Errorf("the region was asked for %d times", heads.Load())
			}
		})
	}
}
