//go:build !race

package tflock_test

import (
	"html"
	"strings"
	"testing"
)

// A viewer knows line ends of one kind. Whoever writes one of another kind into a path has what is before it in the same line.
func TestALineEndOfAnotherKindIsNoLineEnd(t *testing.T) {
	t.Parallel()
	const path = "acme-states/prod/eu-west-1/networking/terraform.tfstate"
	attribute := then(html.EscapeString, replace("\t", "&#9;", "\n", "&#10;"))
	for name, tc := range map[string]struct {
		before   string
		wrapping func(string) string
	}{
		"an escaped one in a workflow command": {" " + strings.Repeat(`\u00a0`, 9) + `\n` + far(18), wrappings["a workflow command"]},
		"one of Unicode in a workflow command": {" " + strings.Repeat(`\u00a0`, 9) + "\u2028" + far(18), wrappings["a workflow command"]},
		"an escaped one in syslog":             {" " + strings.Repeat(`\u00a0`, 9) + `\n` + far(18), wrappings["syslog, escaped"]},
		"syslog's in a JSON field":             {" " + strings.Repeat("\t", 9) + "#012" + far(18), wrappings["a JSON field"]},
		"syslog's in Go's %q":                  {" " + strings.Repeat("\t", 9) + "#012 ", wrappings["Go's %q"]},
		"tags in an attribute of XML":          {"\n " + strings.Repeat(`<span class="highlight">`, 9) + " ", attribute},
		"codes in an attribute of XML":         {" " + strings.Repeat("[107;107;107;107m", 9) + "\u2028 ", attribute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lockInfo()
			l.Path, l.Who = tc.before+path, "deploy@team-a"
			text := tc.wrapping(clientError(l))
			selected, _, _ := strings.Cut(text, "Operation:")
			for _, part := range []string{text, strings.TrimRight(selected, " ")} {
				if forgedReleases(t, path, part) {
					t.Errorf("it is released by\n%s", part)
				}
			}
			l.Path = path
			if text := tc.wrapping(clientError(l)); !forgedReleases(t, path, text) {
				t.Errorf("it is not released by\n%s", text)
			}
		})
	}
}
