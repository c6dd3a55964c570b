package backend_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// locksIn decodes a listing's locks; the error is that of the XML.
func locksIn(page io.Reader) ([]string, error) {
	var listing struct {
		Contents []struct{ Key string }
		Token    string `xml:"NextContinuationToken"`
	}
	if err := xml.NewDecoder(page).Decode(&listing); err != nil {
		return nil, err
	}
	keys := []string{listing.Token}
	for _, object := range listing.Contents {
		if key, err := url.QueryUnescape(object.Key); err == nil && strings.HasSuffix(key, tflock.Suffix) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

const prolog = `<?xml version="1.0"?>`

func listingOf(keys ...string) string {
	var page strings.Builder
	page.WriteString(prolog + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><NextContinuationToken>next</NextContinuationToken>`)
	for _, key := range keys {
		fmt.Fprintf(&page, `<Contents><Key>%s</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>1</Size></Contents>`, key)
	}
	return page.String() + `<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>`
}

func TestAThinnedListingKeepsEveryLock(t *testing.T) {
	long := strings.Repeat("%F0%9F%94%92", 1024/4) // the longest key, encoded
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("a/%d/terraform.tfstate%s", i, map[bool]string{true: tflock.Suffix}[i%7 == 0])
	}
	for name, page := range map[string]string{
		"no object":                               listingOf(),
		"a page of states and locks":              listingOf(many...),
		"no lock at all":                          listingOf("a", "b/c"),
		"the longest keys":                        listingOf(long+".tflock", long, long+".tflock"),
		"a suffix that the store encodes":         listingOf("a%2Etflock", "a.tfloc%6B", "a.tfl&#111;ck", "b"),
		"keys of another namespace":               strings.NewReplacer("<Contents>", "<n:Contents>", "</Contents>", "</n:Contents>").Replace(listingOf("a.tflock", "b")),
		"objects with attributes":                 strings.ReplaceAll(listingOf("a.tflock", "b"), "<Contents>", `<Contents x="1">`),
		"a tag that ends twice":                   strings.Replace(listingOf("a", "b.tflock"), "</Contents>", "</Contents></Contents>", 1),
		"an object that is cut off":               listingOf("a.tflock", "b")[:280],
		"an object larger than what is in memory": listingOf("a"+strings.Repeat("x", 200_000), "b.tflock"),
		"something else than XML":                 "upstream connect error",
	} {
		t.Run(name, func(t *testing.T) {
			want, wantErr := locksIn(strings.NewReader(page))
			for _, chunk := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
				got, err := locksIn(backend.Thin(chunk(strings.NewReader(page))))
				if !slices.Equal(got, want) || (err == nil) != (wantErr == nil) {
					t.Errorf("%d locks, %v; without thinning %d, %v", len(got), err, len(want), wantErr)
				}
			}
		})
	}
	t.Run("only locks remain", func(t *testing.T) {
		thin, err := io.ReadAll(backend.Thin(strings.NewReader(listingOf("a", "b.tflock", "c"))))
		if string(thin) != listingOf("b.tflock") || err != nil {
			t.Errorf("%s, %v", thin, err)
		}
	})
	t.Run("an error of the connection comes through", func(t *testing.T) {
		broken := io.MultiReader(strings.NewReader(listingOf("a")), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := io.ReadAll(backend.Thin(broken)); err != io.ErrUnexpectedEOF { //nolint:errorlint // a reader gives it as it is
			t.Errorf("got %v", err)
		}
	})
}

// Whatever a store answers, the same locks are decoded with thinning as without.
func FuzzThin(f *testing.F) {
	for _, page := range []string{
		"", "<", "<Contents>", "</Contents>", listingOf(), listingOf("a.tflock", "b"), listingOf("a%2Etflock"), listingOf("a&lt;.tflock"),
		"<Contents></Contents><Contents><Key></Contents></Key>", listingOf("a")[:150], listingOf("\xff.tflock"),
		"<R><Contents><Key>a</Key></Contents><Contents><Key>b.tflock</Key><Key>c</Key></Contents></R>",
	} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		want, err := locksIn(strings.NewReader(page))
		var root struct{ XMLName xml.Name }
		if xml.NewDecoder(strings.NewReader(page)).Decode(&root) != nil || root.XMLName.Local == "Contents" {
			return // not a listing: its objects are in another element
		}
		body := strings.TrimPrefix(page, prolog)
		if err != nil || strings.Contains(body, "<!") || strings.Contains(body, "<?") || strings.Count(body, "<Key>") != strings.Count(body, "<Contents>") {
			return // no listing: comments and the like may hold anything that looks like a tag
		}
		got, err := locksIn(backend.Thin(strings.NewReader(page)))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v; without thinning %q", got, err, want)
		}
	})
}

func BenchmarkThinPage(b *testing.B) {
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("teams/team-0001/project-%08d/environments/production/terraform.tfstate", i)
	}
	page := listingOf(keys...)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, backend.Thin(strings.NewReader(page))); err != nil {
			b.Fatal(err)
		}
	}
}
