package plain

import (
	"strings"
	"unicode"
)

// Line makes one line of at most limit characters: no line break, no control or
// direction character can forge a line or hide one, and no length can drown the rest.
func Line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || r == '\uFFFE' || r == '\uFFFF': // XML has neither of the last two
			return '?'
		case unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
