package stack_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Where people read that a plan works at once after a prune they read beside it who fails. Where the tag that keeps a
// state is recommended, they read that it does not last, what makes it last, and what lasts in any case.
func TestWhatAPruneMeansForOthersIsSaid(t *testing.T) {
	blanks := regexp.MustCompile(`\s+`)
	paragraphs := func(name string) []string {
		all := strings.Split(read(t, name), "\n\n")
		for i := range all {
			all[i] = blanks.ReplaceAllString(all[i], " ")
		}
		return all
	}
	says := func(text string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%q is not said in: %s", word, text)
			}
		}
	}
	for _, name := range []string{"README.md", "docs/prune.md"} {
		promised := 0
		for _, p := range paragraphs(name) {
			if strings.Contains(p, "works at once") {
				promised++
				says(p, "`terraform_remote_state` with `defaults`", "fails", "exclude such states")
			}
			if strings.Contains(p, "`lockwarden:keep`") && !strings.HasPrefix(p, "|") {
				says(p, "`state_tags`", "until a client writes the state", "`PrunePaths`")
			}
		}
		if promised == 0 {
			t.Errorf("%s does not say that a plan works at once", name)
		}
	}
	says(policy.KeepAdvice, policy.KeepTag, "state_tags", "until a client writes the state", "PrunePaths")
}
