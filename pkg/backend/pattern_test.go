package backend_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// The template holds its patterns to the same list.
func TestARNsAreAcceptedOrRefused(t *testing.T) {
	raw, err := os.ReadFile("testdata/arns.json")
	if err != nil {
		t.Fatal(err)
	}
	type setting struct {
		Value   string
		Refused bool
	}
	var all struct{ WatchTableArns, WatchBucketArns []setting }
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	check := func(settings []setting, open func(arns []string) error) {
		for _, s := range settings {
			err := open(strings.Split(s.Value, ","))
			if (err != nil) != s.Refused || (err != nil && !strings.Contains(err.Error(), "write it like arn:aws:")) {
				t.Errorf("%s: %v", s.Value, err)
			}
		}
	}
	check(all.WatchTableArns, func(arns []string) error { _, err := backend.Open(aws.Config{}, arns, nil); return err })
	check(all.WatchBucketArns, func(arns []string) error { _, err := backend.Open(aws.Config{}, nil, arns); return err })
}

// A * stands for any characters, as in a regular expression .* does.
func TestCoversIsWhatARegularExpressionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,6}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "text")
		want := regexp.MustCompile("^" + strings.ReplaceAll(pattern, "*", ".*") + "$").MatchString(text)
		if got := backend.Covers(pattern, text); got != want {
			t.Fatalf("%q covers %q: %v", pattern, text, got)
		}
	})
}

// wireTap keeps the address of a call and answers nothing.
type wireTap struct{ url string }

func (w *wireTap) Do(r *http.Request) (*http.Response, error) {
	w.url = r.URL.String()
	return nil, http.ErrServerClosed
}

// Buckets of us-east-1 that were made before 2018 may have names that are no host names.
func TestAnOldBucketIsAskedByItsPath(t *testing.T) {
	wire := &wireTap{}
	set, err := backend.Open(aws.Config{
		Region: "us-east-1", HTTPClient: wire, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, nil, []string{"arn:aws:s3:::Acme_States"})
	if err != nil {
		t.Fatal(err)
	}
	for range set.Buckets[0].Holdings(t.Context()) { //nolint:errcheck // no network: the request alone matters
	}
	if !strings.HasPrefix(wire.url, "https://s3.us-east-1.amazonaws.com/Acme_States?") {
		t.Errorf("asked %s", wire.url)
	}
}
