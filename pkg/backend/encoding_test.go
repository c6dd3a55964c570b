package backend_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// One key with a control character makes every listing unreadable, where the store does not
// encode keys (seen with s3rver). People must learn that it is a key, and not the network.
func TestAListingThatCannotCarryAKeySaysSo(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "<ListBucketResult><Name>states</Name><Contents><Key>a\x01b/terraform.tfstate.tflock</Key></Contents></ListBucketResult>")
	}))
	t.Cleanup(endpoint.Close)
	for _, err := range bucketOf(t, endpoint.URL).Holdings(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "arn:aws:s3:::states: the listing is not valid XML: a key in it has a character that its listings cannot carry") {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("it is listed as empty")
}

// Stores other than S3 may ignore the request for encoded keys, and then do not say that they
// are (seen with versitygw and s3rver). Where the word stands in the page differs too.
func TestKeysAreDecodedOnlyWhereThePageSaysThatTheyAreEncoded(t *testing.T) {
	states := []string{"a+b/terraform.tfstate", "100%/terraform.tfstate", "a%2Fb/terraform.tfstate", "plain/terraform.tfstate", "ä b/terraform.tfstate"}
	for name, encoded := range map[string]string{"a page that says so": "before", "a page that says so at its end": "after", "a page that does not": ""} {
		t.Run(name, func(t *testing.T) {
			b := bucketOf(t, listingOfLockedStates(t, states, encoded))
			locks, times := b.Survey(t.Context())
			locked := map[tflock.Path]bool{}
			for h, err := range locks {
				if err != nil {
					t.Fatal(err)
				}
				locked[h.Path] = true
			}
			for _, state := range states {
				path := tflock.Path("states/" + state)
				if !locked[path] {
					t.Errorf("the lock on %s is not seen: %v", path, locked)
				}
				if at, _, known := times.Of(path); !known || at.IsZero() {
					t.Errorf("when %s was written: %v, %v", path, at, known)
				}
				if at, err := b.StateWritten(t.Context(), path); err != nil || at.IsZero() {
					t.Errorf("asked when %s was written: %v, %v", path, at, err)
				}
			}
			var listed, want []string
			for o, err := range b.Objects(t.Context(), "", "") {
				if err != nil {
					t.Fatal(err)
				}
				listed = append(listed, o.Key)
			}
			for _, state := range states {
				want = append(want, state, state+tflock.Suffix)
			}
			if !slices.Equal(listed, want) {
				t.Errorf("listed %q", listed)
			}
		})
	}
}

// listingOfLockedStates lists these states and a lock object of each. Encoded says where the page
// says that its keys are encoded: before them, after them, or nowhere, and then they are not.
func listingOfLockedStates(t *testing.T, states []string, encoded string) string {
	word := "<EncodingType>url</EncodingType>"
	write := func(w io.Writer, key string) {
		if encoded != "" {
			key = url.QueryEscape(key)
		}
		fmt.Fprint(w, "<Contents><Key>")
		_ = xml.EscapeText(w, []byte(key))
		fmt.Fprintf(w, "</Key><LastModified>%s</LastModified><ETag>e</ETag><Size>9</Size></Contents>", sealedAt)
	}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("list-type") != "2" {
			fmt.Fprintln(w, `{"ID":"x"}`)
			return
		}
		fmt.Fprintf(w, `<ListBucketResult><Name>states</Name><IsTruncated>false</IsTruncated><KeyCount>%d</KeyCount>`, 2*len(states))
		if encoded == "before" {
			fmt.Fprint(w, word)
		}
		for _, state := range states {
			if strings.HasPrefix(state, r.URL.Query().Get("prefix")) {
				write(w, state)
				write(w, state+tflock.Suffix)
			}
		}
		if encoded == "after" {
			fmt.Fprint(w, word)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	}))
	t.Cleanup(endpoint.Close)
	return endpoint.URL
}

// bucketOf is the bucket named states at this endpoint.
func bucketOf(t *testing.T, endpoint string) *backend.Bucket {
	t.Helper()
	cfg := server.Config()
	cfg.BaseEndpoint = &endpoint
	set, err := backend.Open(cfg, nil, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	return set.Buckets[0]
}

// A lock that a listing cannot name is not a lock that was released.
func TestALockWhoseNameTheListingCannotCarryIsUnreadable(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("list-type") != "2" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		fmt.Fprint(w, `<ListBucketResult><Name>states</Name><IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>`)
		for _, state := range []string{"a\uFFFDb", "released"} {
			fmt.Fprintf(w, "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>e</ETag><Size>9</Size></Contents>", state+tflock.Suffix, sealedAt)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	}))
	t.Cleanup(endpoint.Close)
	got := list(t, bucketOf(t, endpoint.URL))
	if h := got["states/a\uFFFDb"]; len(got) != 1 || h.Err == nil || !strings.Contains(h.Err.Error(), "cannot carry") || h.Modified.IsZero() {
		t.Errorf("got %+v", got)
	}
}
