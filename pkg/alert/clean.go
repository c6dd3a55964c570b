package alert

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/lockwarden/lockwarden/pkg/plain"
)

// Clean makes one line of a text that somebody else wrote. limit is in characters.
func Clean(text string, limit int) string { return plain.Line(text, limit) }

// Quoted puts a clean text between quotation marks where it could be words of ours.
func Quoted(text string) string { return plain.Quoted(text) }

// oneLine replaces each character that could forge a line or hide one, and nothing else:
// for attributes, which filters compare with paths as they are.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == '\uFFFE' || r == '\uFFFF' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// ascii replaces what SNS does not take in a subject.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// tail keeps the end of a path, which says more than its beginning.
func tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return "..." + text[len(text)-max(0, limit-3):]
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
