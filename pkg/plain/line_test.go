package plain

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A text that passes for plain is what the whole of Line makes of it, too.
func TestAPlainTextNeedsNoCleaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab Z~!\t\n\x7f\x1fé\u200b\uFFFD")), 0, 12, -1).Draw(t, "text")
		if isPlain(text) && text != cleaned(text, len(text)) {
			t.Fatalf("%q passes for plain, and is %q when it is cleaned", text, cleaned(text, len(text)))
		}
		if line := Line(text, 1000); line != cleaned(text, 1000) {
			t.Fatalf("%q is %q", text, line)
		}
	})
}

func TestLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, line string
		limit      int
	}{
		"a plain text stays":                        {"me@host: a plan", "me@host: a plan", 40},
		"blanks at the ends go":                     {" a ", "a", 40},
		"blanks in between become one":              {"a  b\t c", "a b c", 40},
		"a line break cannot forge a line":          {"a\r\nForged: yes", "a Forged: yes", 40},
		"an escape sequence does not reach anybody": {"a\x1b[2Jb", "a [2Jb", 40},
		"a direction character is shown":            {"a\u202eb", "a?b", 40},
		"letters that look like blanks are shown":   {"ana\u2800\u3164\u115f\ufe0f\U0001d159\U00013442Lock ID", "ana??????Lock ID", 40},
		"a text that is too long is cut":            {strings.Repeat("a", 50), strings.Repeat("a", 39) + "…", 40},
		"a text that fits exactly is not":           {strings.Repeat("a", 40), strings.Repeat("a", 40), 40},
		"nothing stays nothing":                     {"", "", 40},
	} {
		t.Run(name, func(t *testing.T) {
			if line := Line(c.text, c.limit); line != c.line {
				t.Errorf("%q", line)
			}
		})
	}
}
