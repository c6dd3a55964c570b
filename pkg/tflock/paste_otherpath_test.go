package tflock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The ID in a text may be copied from another team's lock: a path that people read says whose lock the
// text is about, in whatever form it stands there.
func TestAPathThatATextShows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"the lock's own":                  {"State: states/prod/x", ""},
		"its object":                      {"s3://states/prod/x.tflock is stuck", ""},
		"its digest":                      {"states/prod/x-md5", ""},
		"a beginning of it":               {"states/pro", ""},
		"masked":                          {"states/***/y", ""},
		"a bucket alone":                  {"in states/ somewhere", ""},
		"another bucket":                  {"my-states/a-team/x and x.states/a-team/x", ""},
		"another one":                     {"State = states/a-team/x", "states/a-team/x"},
		"another one in a sentence":       {"The lock of states/a-team/x is stuck.", "states/a-team/x"},
		"another one at a sentence's end": {"look at states/a-team/x.", "states/a-team/x"},
		"another one's object":            {"s3://states/a-team/x.tflock is stuck", "states/a-team/x"},
		"another one in JSON":             {`{"lock_id":"1","state":"states/a-team/x"}`, "states/a-team/x"},
		"another one in a title":          {"::error title=states/a-team/x::", "states/a-team/x"},
		"another one in other letters":    {"STATES/A-TEAM/X", "states/a-team/x"},
		"another one behind its own":      {"states/prod/x, states/a-team/x", "states/a-team/x"},
		"invisible characters":            {"sta\u200btes/a-team/x", "states/a-team/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tflock.OtherPath(tc.text, []string{"states"}, "states/prod/x"); got != tc.want {
				t.Errorf("%q", got)
			}
		})
	}
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := tflock.OtherPath(string(text), []string{"acme-states"}, "acme-states/payments/production/terraform.tfstate"); got != "" {
			t.Errorf("%s: %s counts as another path", file, got)
		}
	}
}
