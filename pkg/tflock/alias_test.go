package tflock_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestCleanPath(t *testing.T) {
	for name, tc := range map[string]struct{ row, object string }{
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
			if got := tflock.CleanPath(tc.row); got != tc.object {
				t.Errorf("got %q, want %q", got, tc.object)
			}
			want := slices.Compact([]string{tc.row, tc.object})
			if got := tflock.ObjectPaths(tc.row); !slices.Equal(got, want) {
				t.Errorf("objects %q, want %q", got, want)
			}
		})
	}
}

// Cleaning twice changes nothing, never leaves the bucket, and leaves nothing to clean.
func TestCleanPathIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOf(rapid.SampledFrom([]rune("ab/./."))).Draw(t, "name")
		clean := tflock.CleanPath(name)
		if again := tflock.CleanPath(clean); again != clean {
			t.Fatalf("%q: %q, then %q", name, clean, again)
		}
		bucket, _, ok := tflock.SplitPath(name)
		if now, _, still := tflock.SplitPath(clean); ok && (!still || now != bucket) {
			t.Fatalf("%q left its bucket: %q", name, clean)
		}
		if clean != name && strings.Contains(clean, "//") {
			t.Fatalf("%q: %q", name, clean)
		}
	})
}
