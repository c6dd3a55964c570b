package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// globs are what people write, and what nobody should.
var globs = []string{
	"", ",", "branches/**,feature-branches/**,env:/*/branches/**", "{a,b}/**", "}{,", "{", "[", `\`, `\*`, "[^]a]", "[a-", "**/**/**/**", "/abs", " a , b ",
	strings.Repeat("{", 10_000), strings.Repeat("{a,", 20) + strings.Repeat("}", 20), strings.Repeat("*a", 20), strings.Repeat("**/", 50), "\xff\xfe/*", "a\x00b", "é*",
}

func FuzzParseOverrides(f *testing.F) {
	f.Add("operation:OperationTypePlan=15m,*/environments/production/**=2h", "b/environments/production/x")
	for _, duration := range []string{"1h", "", "0", "-1s", "1e9999h", strings.Repeat("9", 400) + "h", "1h=2h", "=1s", "1ns1ns"} {
		f.Add("a="+duration, "a")
	}
	for _, glob := range globs {
		f.Add(glob+"=1h", "a/b")
		f.Add("operation:"+glob+"=1h", strings.Repeat("a", 50))
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		if tooWide(text, path) {
			return
		}
		overrides, err := policy.ParseOverrides(text)
		if err != nil {
			return
		}
		if got := (policy.Thresholds{Default: time.Hour, Overrides: overrides}).For(path, path); got <= 0 {
			t.Fatalf("threshold %s", got)
		}
	})
}

// What an automatic release is allowed for is what a pattern of the list alone selects.
func FuzzParseSelection(f *testing.F) {
	f.Add("*/environments/**,operation:OperationTypePlan", "b/environments/x", "OperationTypeApply")
	for _, glob := range globs {
		f.Add(glob, "a/b", "OperationTypePlan")
		f.Add("operation:"+glob, "a/b", strings.Repeat("a", 50))
	}
	f.Fuzz(func(t *testing.T, text, path, operation string) {
		if tooWide(text, path+operation) {
			return
		}
		s, err := policy.ParseSelection(text)
		if err != nil || !s.Matches(path, operation) {
			return
		}
		if !s.Any() || strings.Trim(text, ", \t\r\n") == "" {
			t.Fatalf("%q selects %s", text, path)
		}
	})
}

// What is pruned is listed by prefixes: a key that matches and begins with none would
// never be found, and one that begins with two would be met twice.
func FuzzParsePaths(f *testing.F) {
	for _, glob := range globs {
		f.Add(glob, "branches/x/terraform.tfstate")
	}
	f.Add("branches/**", "branches/x.tflock")
	f.Fuzz(func(t *testing.T, text, key string) {
		if tooWide(text, key) || !utf8.ValidString(key) { // S3's keys are UTF-8
			return
		}
		paths, err := policy.ParsePaths(text)
		if err != nil {
			return
		}
		prefixes := paths.Prefixes()
		begins := 0
		for _, prefix := range prefixes {
			if strings.HasPrefix(key, prefix) {
				begins++
			}
		}
		if begins > 1 || !slices.IsSorted(prefixes) {
			t.Fatalf("%q begins with %d of %q", key, begins, prefixes)
		}
		if paths.Match(key) && (begins == 0 || strings.HasSuffix(key, ".tflock")) {
			t.Fatalf("%q matches %q, and begins with none of %q", key, text, prefixes)
		}
	})
}

// tooWide leaves out what only takes long: matching alternatives within alternatives grows
// with their product, and globs are the operator's own.
func tooWide(glob, path string) bool {
	return len(glob) > 200 || len(path) > 200 || strings.Count(glob, "{") > 4 || strings.Count(glob, "*") > 8
}
