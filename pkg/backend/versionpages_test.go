package backend_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// versionStore is a store that keeps two versions of each key.
type versionStore struct {
	keys    []string // in their order
	encodes bool     // keys and markers, as S3 does
	write   func(key string) string
	inAPage int
}

func (s *versionStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !query.Has("versions") {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>%s</Key></Error>`, s.write(strings.TrimPrefix(r.URL.Path, "/states/")))
		return
	}
	encode, word := s.write, ""
	if s.encodes && query.Get("encoding-type") == "url" {
		encode, word = url.QueryEscape, "<EncodingType>url</EncodingType>"
	}
	type version struct{ key, id string }
	var all []version
	for _, key := range s.keys {
		if strings.HasPrefix(key, query.Get("prefix")) {
			all = append(all, version{key, "2"}, version{key, "1"})
		}
	}
	at := 0
	if marker := (version{query.Get("key-marker"), query.Get("version-id-marker")}); marker.key != "" {
		at = slices.Index(all, marker) + 1 // a marker that it does not know is the beginning
	}
	end := min(at+s.inAPage, len(all))
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult><Name>states</Name><Prefix>%s</Prefix><IsTruncated>%t</IsTruncated>%s`, encode(query.Get("prefix")), end < len(all), word)
	for _, v := range all[at:end] {
		fmt.Fprintf(w, `<Version><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%t</IsLatest><LastModified>2026-11-28T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>2</Size></Version>`, encode(v.key), v.id, v.id == "2")
	}
	if end < len(all) {
		fmt.Fprintf(w, `<NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>%s</NextVersionIdMarker>`, encode(all[end-1].key), all[end-1].id)
	}
	fmt.Fprint(w, `</ListVersionsResult>`)
}

// Keys may have characters that XML cannot have. S3 encodes them in its lists, as it is asked to, and some stores
// encode them nowhere. In S3 the versions of every state are known; elsewhere those of every state but the one with the
// character, of which nobody says that it has none.
func TestTheVersionsOfAStateAreKnownBesideAnyKey(t *testing.T) {
	t.Parallel()
	escaped := func(key string) string {
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(key)) // a Builder takes everything
		return text.String()
	}
	raw := func(key string) string { return strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(key) }
	reference := func(key string) string {
		return strings.NewReplacer("\x01", "&#x1;", "\uffff", "&#65535;").Replace(raw(key))
	}
	plain, odd := []string{"app", "app+b %2B/x", "app&#1;", "app/ä b"}, []string{"app\x01", "app\uffffx"}
	for name, store := range map[string]versionStore{
		"S3":                                       {encodes: true, write: raw, inAPage: 1},
		"a store that writes such characters":      {write: raw, inAPage: 100},
		"a store that writes references to them":   {write: reference, inAPage: 100},
		"a store that writes another in its place": {write: escaped, inAPage: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store.keys = slices.Sorted(slices.Values(slices.Concat(plain, odd)))
			endpoint := httptest.NewServer(&store)
			t.Cleanup(endpoint.Close)
			b := bucketOf(t, endpoint.URL)
			for _, key := range plain {
				mustKnowVersions(t, b, key)
			}
			for _, key := range odd {
				path := tflock.NewPath("states", key)
				if store.encodes {
					mustKnowVersions(t, b, key)
					continue
				}
				_, _, last := b.LastVersion(t.Context(), path)
				_, history := b.History(t.Context(), path, "")
				_, _, traces := b.HistoryWithLocks(t.Context(), path, "")
				for _, err := range []error{last, history, traces} {
					if failed, ok := errors.AsType[*backend.Error](err); !ok || !failed.Refused() || !strings.Contains(err.Error(), "cannot carry a character of this key") {
						t.Errorf("%q: %v", key, err)
					}
				}
			}
			for _, key := range []string{"gone", "gone\x01", "gone\uffff"} {
				if _, err := b.ReadState(t.Context(), tflock.NewPath("states", key), ""); !errors.Is(err, backend.ErrGone) {
					t.Errorf("%q, which is not there: %v", key, err)
				}
			}
		})
	}
}

func mustKnowVersions(t *testing.T, b *backend.Bucket, key string) {
	t.Helper()
	path := tflock.NewPath("states", key)
	id, current, err := b.LastVersion(t.Context(), path)
	if id != "2" || !current || err != nil {
		t.Errorf("%q: the last version is %q (current: %v), %v", key, id, current, err)
	}
	history, err := b.History(t.Context(), path, "")
	if len(history) != 2 || err != nil {
		t.Errorf("%q: the history is %+v, %v", key, history, err)
	}
	traces, _, err := b.HistoryWithLocks(t.Context(), path, "1")
	if len(traces) != 2 || err != nil {
		t.Errorf("%q: the history with locks is %+v, %v", key, traces, err)
	}
}

// A list of versions that does not say where it goes on is neither read for ever nor taken for whole.
func TestAListOfVersionsThatDoesNotGoOnIsAFailure(t *testing.T) {
	t.Parallel()
	for name, marker := range map[string]string{"a marker of before": "a", "a key that XML cannot have": "app\x01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `<ListVersionsResult><Name>states</Name><IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker><DeleteMarker><Key>app</Key><VersionId>1</VersionId></DeleteMarker></ListVersionsResult>`, marker)
			}))
			t.Cleanup(endpoint.Close)
			if _, _, err := bucketOf(t, endpoint.URL).LastVersion(t.Context(), "states/app"); err == nil || !strings.Contains(err.Error(), "does not say where it goes on") {
				t.Errorf("it gives %v", err)
			}
		})
	}
}
