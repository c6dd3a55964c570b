package version_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/version"
)

// The constant and CHANGELOG.md say the same, so that a release cannot have two numbers.
func TestTheVersionIsThatOfTheChangelog(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## \[?([^\]\s]+)`).FindSubmatch(text)
	if newest == nil {
		t.Fatal("CHANGELOG.md has no heading")
	}
	want := regexp.QuoteMeta(string(newest[1]))
	if want == "Unreleased" {
		want = `\d+\.\d+\.\d+-dev`
	}
	if !regexp.MustCompile(`^` + want + `$`).MatchString(version.Current) {
		t.Errorf("the version is %s, and the newest heading of CHANGELOG.md %s", version.Current, newest[1])
	}
}
