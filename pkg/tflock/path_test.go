package tflock_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestPathClean(t *testing.T) {
	for name, tc := range map[string]struct{ row, object tflock.Path }{
		"a plain key stays":                         {"b/a/terraform.tfstate", "b/a/terraform.tfstate"},
		"two slashes become one":                    {"b/a//terraform.tfstate", "b/a/terraform.tfstate"},
		"many slashes become one":                   {"b/a////c///d", "b/a/c/d"},
		"a slash at the beginning goes":             {"b//a", "b/a"},
		"a slash at the end stays":                  {"b/a//", "b/a/"},
		"dots are resolved":                         {"b/a/./c/../d", "b/a/d"},
		"dots lead out of no bucket":                {"b/../../a", "b/a"},
		"a folder that begins with a dot is no dot": {"b/.github/a..b", "b/.github/a..b"},
		"a key of slashes alone stays":              {"b///", "b///"},
		"what is not a path stays":                  {"deploy", "deploy"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.row.Clean(); got != tc.object {
				t.Errorf("got %q, want %q", got, tc.object)
			}
			want := slices.Compact([]tflock.Path{tc.row, tc.object})
			if got := tc.row.Objects(); !slices.Equal(got, want) {
				t.Errorf("objects %q, want %q", got, want)
			}
		})
	}
}

// Cleaning twice changes nothing, never leaves the bucket, and leaves nothing to clean.
func TestPathCleanIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := tflock.Path(rapid.StringOf(rapid.SampledFrom([]rune("ab/./."))).Draw(t, "name"))
		clean := name.Clean()
		if again := clean.Clean(); again != clean {
			t.Fatalf("%q: %q, then %q", name, clean, again)
		}
		if name.Valid() && (!clean.Valid() || clean.Bucket() != name.Bucket()) {
			t.Fatalf("%q left its bucket: %q", name, clean)
		}
		if clean != name && strings.Contains(string(clean), "//") {
			t.Fatalf("%q: %q", name, clean)
		}
	})
}

// A path keeps the text that it was made of, also where that has no slash, or nothing on one
// side of it: rows like that exist.
func TestPath(t *testing.T) {
	for name, tc := range map[string]struct {
		path, bucket, key string
		valid             bool
	}{
		"a state":                        {"b/a/terraform.tfstate", "b", "a/terraform.tfstate", true},
		"a key that begins with a slash": {"b//a", "b", "/a", true},
		"a name without a slash":         {"deploy", "deploy", "", false},
		"a bucket without a key":         {"b/", "b", "", false},
		"a key without a bucket":         {"/k", "", "k", false},
		"nothing":                        {"", "", "", false},
		"text that is not UTF-8":         {"b\xff/\xfe", "b\xff", "\xfe", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := tflock.Path(tc.path)
			if p.Bucket() != tc.bucket || p.Key() != tc.key || p.Valid() != tc.valid {
				t.Errorf("bucket %q, key %q, valid: %v", p.Bucket(), p.Key(), p.Valid())
			}
			if again := tflock.NewPath(tc.bucket, tc.key); tc.valid && again != p {
				t.Errorf("made again: %q", again)
			}
		})
	}
}
