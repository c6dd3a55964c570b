package backend_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whatever S3 refuses by 4xx had no effect, whatever its name; what may pass, and what met
// another call, is not a refusal.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		want   string
	}{
		{403, "AccessDenied", "refused"},
		{400, "InvalidRequest", "refused"},
		{400, "KMS.DisabledException", "refused"},
		{400, "KeyTooLongError", "refused"},
		{403, "AllAccessDisabled", "refused"},
		{405, "MethodNotAllowed", "refused"},
		{418, "SomethingNew", "refused"},
		{400, "RequestTimeout", "unknown"},
		{408, "RequestTimeout", "unknown"},
		{429, "TooManyRequests", "unknown"},
		{503, "SlowDown", "unknown"},
		{500, "InternalError", "unknown"},
	} {
		p := newPlace(t, func(r *http.Request) *http.Response {
			if r.Method == http.MethodPut {
				return xmlError(tc.status, tc.code)
			}
			return nil
		})
		_, err := p.through.Buckets[0].Acquire(t.Context(), tflock.Path(p.path()), lockJSON(t, "x"))
		if got := meaning(err); got != tc.want {
			t.Errorf("%d %s: %q, want %q", tc.status, tc.code, got, tc.want)
		}
	}
}

// A lock is stored as the state is encrypted: a bucket policy may demand the header.
func TestALockIsEncryptedLikeItsState(t *testing.T) {
	var sent http.Header
	p := newPlace(t, func(r *http.Request) *http.Response {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "terraform.tfstate"):
			return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Header: http.Header{
				"Etag": {`"e"`}, "X-Amz-Server-Side-Encryption": {"aws:kms"},
				"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     {"arn:aws:kms:us-east-1:1:key/k"},
				"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {"true"},
			}}
		case r.Method == http.MethodPut:
			sent = r.Header
			return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"l"`}}, Body: http.NoBody}
		}
		return nil
	})
	state, err := p.through.Buckets[0].ReadState(t.Context(), tflock.Path(p.path()), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.through.Buckets[0].AcquireLike(t.Context(), tflock.Path(p.path()), lockJSON(t, "x"), state.Encryption); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Amz-Server-Side-Encryption":                    "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "arn:aws:kms:us-east-1:1:key/k",
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
	} {
		if sent.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, sent.Get(name), want)
		}
	}
}

func TestLockable(t *testing.T) {
	p := newPlace(t, func(*http.Request) *http.Response { return nil })
	b := p.plain.Buckets[0]
	if longest := strings.Repeat("k", 1024-len(tflock.Suffix)); !b.Lockable(tflock.NewPath(p.name, longest)) || b.Lockable(tflock.NewPath(p.name, longest+"k")) || b.Lockable("elsewhere/k") {
		t.Error("a lock object's key has at most 1,024 bytes")
	}
}

// The history of a state names its versions and markers in order, and no other key's.
func TestHistory(t *testing.T) {
	p := newPlace(t, func(*http.Request) *http.Response { return nil })
	b := p.plain.Buckets[0]
	write := func() string {
		id, err := b.WriteState(t.Context(), tflock.Path(p.path()), []byte(fmt.Sprint(time.Now())), backend.Encryption{})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	remove := func() string {
		s, err := b.ReadState(t.Context(), tflock.Path(p.path()), "")
		if err != nil {
			t.Fatal(err)
		}
		deleted, err := b.DeleteState(t.Context(), tflock.Path(p.path()), s.ETag)
		if err != nil {
			t.Fatal(err)
		}
		return deleted.Marker
	}
	put(t, p.name, "a/terraform.tfstate.tflock", "{}")
	want := []string{write(), remove(), write()}
	history, err := b.History(t.Context(), tflock.Path(p.path()), want[0])
	if err != nil || len(history) != 3 || !history[0].Latest || history[0].ID != want[2] || history[1].ID != want[1] || !history[1].Marker || history[2].ID != want[0] {
		t.Errorf("%+v, %v; want %q", history, err, want)
	}
	if history, err := b.History(t.Context(), tflock.Path(p.path()), want[2]); err != nil || len(history) != 1 {
		t.Errorf("back to the newest: %+v, %v", history, err)
	}
	if history, err := b.History(t.Context(), tflock.NewPath(p.name, "a/terraform"), "x"); err != nil || len(history) != 0 {
		t.Errorf("of a key without versions: %+v, %v", history, err)
	}
}

// The versions of a state's lock object come with those of the state, in one call, or in another one
// where a page has no room for them.
func TestHistoryWithLocks(t *testing.T) {
	lists := 0
	var page string // in place of what the store says of the state
	p := newPlace(t, func(r *http.Request) *http.Response {
		if !r.URL.Query().Has("versions") {
			return nil
		}
		lists++
		if page == "" || strings.HasSuffix(r.URL.Query().Get("prefix"), tflock.Suffix) {
			return nil
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(page))}
	})
	path := tflock.Path(p.path())
	b := p.through.Buckets[0]
	version, err := b.WriteState(t.Context(), path, []byte("one"), backend.Encryption{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h, err := b.Acquire(t.Context(), path, lockJSON(t, "x"))
		if err == nil {
			err = b.Release(t.Context(), h)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, truncated := range []bool{false, true} {
		lists = 0
		if truncated {
			page = fmt.Sprintf(`<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker><Version><Key>%s</Key><VersionId>%s</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-01T10:00:00Z</LastModified></Version></ListVersionsResult>`,
				p.name, path.Key(), path.Key(), version)
		}
		states, locks, err := b.HistoryWithLocks(t.Context(), path, version)
		markers := slices.DeleteFunc(slices.Clone(locks), func(v backend.Version) bool { return !v.Marker })
		if err != nil || len(states) != 1 || states[0].ID != version || len(locks) != 4 || len(markers) != 2 || !locks[0].Latest {
			t.Errorf("truncated %v: %+v and %+v, %v", truncated, states, locks, err)
		}
		if want := map[bool]int{false: 1, true: 2}[truncated]; lists != want {
			t.Errorf("truncated %v: %d calls, want %d", truncated, lists, want)
		}
	}
}

// Some stores answer without a tag set where there are no tags. There is no tag then, and no
// proxy in between.
func TestAMissingTagSetIsNoTag(t *testing.T) {
	p := newPlace(t, func(r *http.Request) *http.Response {
		if r.URL.Query().Has("tagging") {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></Tagging>`))}
		}
		return nil
	})
	put(t, p.name, "a/terraform.tfstate", "{}")
	if tagged, err := p.through.Buckets[0].Tagged(t.Context(), tflock.Path(p.path()), "lockwarden:keep"); tagged || err != nil {
		t.Errorf("%v, %v", tagged, err)
	}
}
