//go:build !race

package tflock_test

import (
	"strings"
	"testing"
)

// Whoever writes a lock may begin its ID with blanks, and its path with as many: where people look, both lines are empty then.
func TestBlanksBeforeAnIDMoveNoPathOutOfSight(t *testing.T) {
	t.Parallel()
	const short = "b/prod/x"
	tabs := func(by string) func(string) string { return replace("\t", by) }
	for name, tc := range map[string]struct {
		before, wrapping string
		then             func(string) string
	}{
		"tabs in JSON":               {strings.Repeat("\t", 15) + " ", "a JSON string", tabs("\t")},
		"tabs in Go's %q":            {strings.Repeat("\t", 9) + " ", "Go's %q", tabs("\t")},
		"tabs in outputs":            {strings.Repeat("\t", 15) + " ", "setup-terraform's outputs", tabs("\t")},
		"tabs in syslog":             {strings.Repeat("\t", 15) + " ", "syslog, escaped", tabs("#011")},
		"escapes in an annotation":   {strings.Repeat(`\u00a0`, 16) + " ", "a workflow command", tabs("\t")},
		"escapes in syslog":          {strings.Repeat(`\xa0`, 16) + " ", "syslog, escaped", tabs("\t")},
		"no-break spaces in Go's %q": {strings.Repeat("\u00a0", 16) + " ", "Go's %q", tabs("\t")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lockInfo()
			l.ID, l.Path, l.Who = tc.before+l.ID, tc.before+short, "deploy@team-a"
			text := tc.then(wrappings[tc.wrapping](clientError(l)))
			for _, to := range []string{"no end", "Operation:"} {
				if part, _, _ := strings.Cut(text, to); forgedReleases(t, short, strings.TrimRight(part, " ")) {
					t.Errorf("it is released by\n%s", part)
				}
			}
			l.ID, l.Path = strings.TrimPrefix(l.ID, tc.before), short
			if text := tc.then(wrappings[tc.wrapping](clientError(l))); !forgedReleases(t, short, text) {
				t.Errorf("it is not released by\n%s", text)
			}
		})
	}
}

// Letters that are longer in lower case stand between the ID and the path: such a text is asked about as any other.
func TestLettersOfAnyLengthAreAskedAbout(t *testing.T) {
	t.Parallel()
	l := lockInfo()
	l.Path = "b/prod/x"
	if text := "ID: " + pastedID + " " + strings.Repeat("Ⱥ", 40) + "\n" + clientError(l); forgedReleases(t, "b/prod/x", text) {
		t.Errorf("it is released by\n%s", text)
	}
}

// A mail breaks a line before a path that it has no room for.
func TestAPathInTheLineBelowItsLabelIsUnderstood(t *testing.T) {
	t.Parallel()
	path := "acme-states/payments/" + strings.Repeat("production/", 6) + "terraform.tfstate"
	l := lockInfo()
	l.Path = path
	text := clientError(l)
	folded := strings.Replace(text, "  Path:      "+path, "  Path:\n"+path, 1)
	if folded == text || !forgedReleases(t, path, folded) {
		t.Errorf("it is not released by\n%s", folded)
	}
}

// The word path may stand before the label of the path, and a label may be that of our option.
func TestAPathIsBehindItsLabelWhateverIsBefore(t *testing.T) {
	t.Parallel()
	const path = "acme-states/prod/terraform.tfstate"
	unit := func(folder string) func(string) string {
		return eachLine("09:20:%02d.%03d STDERR ["+folder+"] tofu: ", "")
	}
	for name, tc := range map[string]struct {
		path string
		wrap func(string) string
	}{
		"our command":                    {path, func(string) string { return "lockwarden unlock " + pastedID + " --path " + path }},
		"a bucket with that word":        {"acme-path-states/path/terraform.tfstate", wrappings["nothing"]},
		"a key with that word":           {"acme-states/path/terraform.tfstate", wrappings["GitHub's times"]},
		"a unit's folder with that word": {"acme-states/pathfinder/prod/terraform.tfstate", unit("pathfinder/prod")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lockInfo()
			l.Path = tc.path
			if text := tc.wrap(clientError(l)); !forgedReleases(t, tc.path, text) {
				t.Errorf("it is not released by\n%s", text)
			}
		})
	}
}
