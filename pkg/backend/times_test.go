package backend_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// surveyed reads a bucket to its end.
func surveyed(t *testing.T, b *backend.Bucket) *backend.Times {
	t.Helper()
	holdings, times := b.Survey(t.Context())
	for _, err := range holdings {
		if err != nil {
			t.Fatal(err)
		}
	}
	return times
}

func TestAListingTellsWhenStatesWereWrittenAsAskingDoes(t *testing.T) {
	store, err := contract.NewBucket(t.Context(), server.Config())
	if err != nil {
		t.Fatal(err)
	}
	bucket, name := store.Bucket, store.Name
	path := func(key string) string { return name + "/" + key }
	keys := []string{
		"a/terraform.tfstate", "env:/branches/x/terraform.tfstate", "with blank and +", "100%", "%41", "a&b", "a&amp;b", "<Key>", "</Key>x", "\u00fc/\U0001f512",
		"tab\there", "locked", "ends in .tfloc%6b", "a/terraform.tfstate.backup",
	}
	for _, key := range keys {
		put(t, name, key, "{}")
	}
	put(t, name, "locked.tflock", string(lockJSON(t, "x")))
	times := surveyed(t, bucket)
	for _, key := range append(keys, "locked.tflock") {
		want, err := bucket.StateWritten(t.Context(), tflock.Path(path(key)))
		if err != nil || want.IsZero() {
			t.Fatalf("%q: %v, %v", key, want, err)
		}
		if at, _, known := times.Of(tflock.Path(path(key))); !known || !at.Equal(want) {
			t.Errorf("%q: %v, %v, asked %v", key, at, known, want)
		}
	}
	for _, key := range []string{"a/terraform", "A", "a&amp;amp;b", "none"} {
		if at, _, known := times.Of(tflock.Path(path(key))); !known || !at.IsZero() {
			t.Errorf("%q, which is not there: %v, %v", key, at, known)
		}
	}
	if _, _, known := times.Of("another-bucket/a/terraform.tfstate"); known {
		t.Error("of another bucket it cannot know")
	}
}

// redirected calls an endpoint in place of whatever is called.
func redirected(endpoint string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(endpoint, "http://"))
	}}}
}

func TestAListingTellsOfWholeBucketsOnly(t *testing.T) {
	taken := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	w := &scale.World{Buckets: map[string]*scale.Bucket{
		"states": {Name: "states", Crowd: scale.Crowd{States: 5000, Taken: taken}},
		"larger": {Name: "larger", Crowd: scale.Crowd{States: 5001, Taken: taken}},
	}}
	online := w.Online(t)
	set, err := backend.Open(online, nil, []string{scale.BucketARN("states"), scale.BucketARN("larger")})
	if err != nil {
		t.Fatal(err)
	}
	bucket := set.Buckets[0]
	state := func(i int) string {
		return fmt.Sprintf("states/teams/team-%04d/project-%08d/environments/production/terraform.tfstate", i/1000, i)
	}
	ask := func(times *backend.Times, path string, known bool, written time.Time) {
		t.Helper()
		if at, _, ok := times.Of(tflock.Path(path)); ok != known || !at.Equal(written) {
			t.Errorf("%s: %v, %v", path, at, ok)
		}
	}
	t.Run("nothing of a bucket that is not read yet", func(*testing.T) {
		_, times := bucket.Survey(t.Context())
		ask(times, state(0), false, time.Time{})
		ask(nil, state(0), false, time.Time{})
	})
	t.Run("all of a bucket of five pages", func(t *testing.T) {
		times := surveyed(t, bucket)
		ask(times, state(0), true, taken)
		ask(times, state(4999), true, taken)
		ask(times, state(5000), false, time.Time{}) // other stores than S3 may leave a key out between two pages
	})
	t.Run("in S3 also what is not in one of several pages", func(t *testing.T) {
		s3 := "http://s3.amazonaws.com"
		cfg := scale.Config(redirected(*online.BaseEndpoint))
		cfg.BaseEndpoint = &s3
		set, err := backend.Open(cfg, nil, []string{scale.BucketARN("states")})
		if err != nil {
			t.Fatal(err)
		}
		times := surveyed(t, set.Buckets[0])
		ask(times, state(4999), true, taken)
		ask(times, state(5000), true, time.Time{})
	})
	t.Run("all of it when a page had to be asked for again", func(t *testing.T) {
		cfg := server.Config()
		cfg.BaseEndpoint, cfg.HTTPClient = online.BaseEndpoint, &flaky{breaks: 5} // the last page
		set, err := backend.Open(cfg, nil, []string{scale.BucketARN("states")})
		if err != nil {
			t.Fatal(err)
		}
		w.Reset()
		times := surveyed(t, set.Buckets[0])
		if w.Repeated() != 1 {
			t.Errorf("%d calls were repeated", w.Repeated())
		}
		ask(times, state(0), true, taken)
		ask(times, state(4999), true, taken)
	})
	t.Run("nothing after a listing that broke off", func(t *testing.T) {
		w.Buckets["states"].Crowd.Locks = 1000 // so that there is something to stop at
		holdings, times := bucket.Survey(t.Context())
		for _, err := range holdings {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		ask(times, state(0), false, time.Time{})
	})
	t.Run("nothing of a larger bucket", func(t *testing.T) {
		times := surveyed(t, set.Buckets[1])
		ask(times, "larger"+strings.TrimPrefix(state(0), "states"), false, time.Time{})
		ask(times, "larger/none", false, time.Time{})
	})
}

// flaky loses the connection in the middle of its nth answer.
type flaky struct{ breaks int }

func (f *flaky) Do(r *http.Request) (*http.Response, error) {
	out, err := http.DefaultClient.Do(r)
	if f.breaks--; f.breaks == 0 && err == nil {
		half := io.LimitReader(out.Body, 100<<10) // of some 300 KB
		out.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(half, iotest.ErrReader(net.ErrClosed)), out.Body}
	}
	return out, err
}

// stand answers every request with one page.
type stand string

func (s stand) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(s))), Request: r}, nil
}

func TestOfAListingThatIsNotQuiteS3sNothingIsTaken(t *testing.T) {
	const s3s = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>` +
		`<Contents><Key>k</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>1</Size></Contents></ListBucketResult>`
	for name, tc := range map[string]struct {
		old, fresh string
		known      bool
	}{
		"as S3 writes it":                   {"", "", true},
		"without a count of keys":           {"<KeyCount>1</KeyCount>", "", false},
		"with more keys than it shows":      {"<KeyCount>1<", "<KeyCount>2<", false},
		"with a time in another form":       {"05.000Z", "05Z", false},
		"with a time that is none":          {"2026-01-02T", "2026-99-02T", false},
		"without a time":                    {"LastModified", "Modified", false},
		"with tags in another namespace":    {"Contents>", "n:Contents>", false},
		"with a key that XML had to escape": {"<Key>k<", "<Key>&#107;<", false},
		"with a key that cannot be decoded": {"<Contents><Key>k<", "<EncodingType>url</EncodingType><Contents><Key>%zz<", false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := server.Config()
			cfg.HTTPClient = stand(strings.ReplaceAll(s3s, cmp.Or(tc.old, "?"), tc.fresh))
			set, err := backend.Open(cfg, nil, []string{"arn:aws:s3:::b"})
			if err != nil {
				t.Fatal(err)
			}
			if at, _, known := surveyed(t, set.Buckets[0]).Of("b/k"); known != tc.known || (known && at.Year() != 2026) {
				t.Errorf("%v, %v", at, known)
			}
		})
	}
}
