package scan_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// hanging never answers calls whose path or list has this in it.
type hanging struct {
	scale.Direct
	part string
}

func (h hanging) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.String(), h.part) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.Direct.Do(r)
}

// openBehind returns the buckets of a world behind a client.
func openBehind(t *testing.T, w *scale.World, client aws.HTTPClient, buckets ...string) backend.Set {
	t.Helper()
	cfg := w.Online(t)
	cfg.HTTPClient = client
	return openOver(t, cfg, buckets...)
}

// openOver returns the buckets of an AWS that is reached with that configuration.
func openOver(t *testing.T, cfg aws.Config, buckets ...string) backend.Set {
	t.Helper()
	set, err := backend.Open(cfg, nil, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Eight stores are read at once. Twenty that hang took all of the time.
func TestStoresThatHangTakeNoTimeFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := scale.Crowd{States: 10, Locks: 1, Taken: time.Now().Add(-time.Hour)}
		w := &scale.World{Buckets: map[string]*scale.Bucket{}}
		var all, healthy []string
		for i := range 23 {
			name := fmt.Sprintf("hangs-%02d", i)
			if i >= 20 {
				name = fmt.Sprintf("works-%02d", i)
				healthy = append(healthy, scale.BucketARN(name))
			}
			w.Buckets[name] = &scale.Bucket{Name: name, Crowd: crowd}
			all = append(all, scale.BucketARN(name))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Second) // half is for the reading
		defer cancel()
		scanner := scan.New(openOver(t, scale.Config(hanging{scale.Direct{World: w}, "hangs-"}), all...), rules, time.Now)
		r := scanner.Read(ctx)
		for _, arn := range all {
			if failed := r.Failed(arn); failed == slices.Contains(healthy, arn) || (failed && !r.Failures[arn].Passing) {
				t.Errorf("%s failed: %v, in passing: %v: %s", arn, failed, r.Failures[arn].Passing, r.Failures[arn].Problem)
			}
		}
		r.Judge(ledger.Memory{}, 0)
		if n := r.Len(); n != len(healthy) {
			t.Errorf("%d locks in %d stores that can be read", n, len(healthy))
		}
		if ctx.Err() != nil {
			t.Error("no time is left to notify anybody")
		}
	})
}

func TestPatternsAreSearchedAtEachReading(t *testing.T) {
	crowd := scale.Crowd{States: 10, Locks: 1, Taken: time.Now().Add(-time.Hour)}
	w := &scale.World{Buckets: map[string]*scale.Bucket{"named": {Name: "named", Crowd: crowd}, "a-tfstate": {Name: "a-tfstate", Crowd: crowd}}}
	set := openBehind(t, w, http.DefaultClient, scale.BucketARN("named"), scale.BucketARN("*-tfstate"))
	scanner := scan.New(set, rules, time.Now)
	read := func(want ...string) *scan.Scan {
		t.Helper()
		r := scanner.Read(t.Context())
		var arns []string
		for _, name := range want {
			arns = append(arns, scale.BucketARN(name))
		}
		if !r.Complete() || !slices.Equal(r.Watched, arns) || !slices.Equal(r.Patterns, []string{scale.BucketARN("*-tfstate")}) {
			t.Errorf("watched %q, patterns %q, errors %q", r.Watched, r.Patterns, r.Errors())
		}
		r.Judge(ledger.Memory{}, 10)
		for _, j := range r.Worst {
			if j.State.Unwatched {
				t.Errorf("the bucket of %s counts as not watched", j.Path)
			}
		}
		return r
	}
	read("named", "a-tfstate")
	w.Buckets["b-tfstate"] = &scale.Bucket{Name: "b-tfstate", Crowd: crowd}
	read("named", "a-tfstate", "b-tfstate")
	delete(w.Buckets, "a-tfstate")
	r := read("named", "b-tfstate")
	if r.Failed(scale.BucketARN("a-tfstate")) {
		t.Error("a bucket that is gone counts as one that could not be read")
	}
}

// What a pattern covers is then not known: neither gone, nor unlocked, nor unwatched.
func TestASearchThatHangsHidesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := scale.Crowd{States: 10, Locks: 1, Taken: time.Now().Add(-time.Hour)}
		w := &scale.World{Buckets: map[string]*scale.Bucket{"named": {Name: "named", Crowd: crowd}}}
		pattern := scale.BucketARN("*-tfstate")
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		scanner := scan.New(openOver(t, scale.Config(hanging{scale.Direct{World: w}, "max-buckets"}), scale.BucketARN("named"), pattern), rules, time.Now)
		r := scanner.Read(ctx)
		r.Judge(ledger.Memory{}, 0)
		if !slices.Equal(r.Watched, []string{scale.BucketARN("named")}) || !r.Failed(pattern) || !r.Failures[pattern].Passing || len(r.Errors()) != 1 || r.Len() != 1 {
			t.Errorf("watched %q, errors %q", r.Watched, r.Errors())
		}
		if !r.Failed(scale.BucketARN("a-tfstate")) || r.Failed(scale.BucketARN("other")) || r.Failed(scale.BucketARN("named")) {
			t.Error("a store counts as read that the pattern covers, or one as failed that it does not")
		}
	})
}
