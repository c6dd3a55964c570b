package plain

import (
	"strings"
	"unicode"
)

// Line makes one line of at most limit characters: no line break, no control or
// direction character can forge a line or hide one, and no length can drown the rest.
func Line(text string, limit int) string {
	if len(text) <= limit && isPlain(text) {
		return text
	}
	return cleaned(text, limit)
}

// blanks are signs that show nothing, and are not ignorable to Unicode: an empty cell of Braille, a null notehead, and Egyptian blanks.
const blanks = "\u2800\U0001d159\U00013441\U00013442"

func cleaned(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || r == '\uFFFE' || r == '\uFFFF': // XML has neither of the last two
			return '?'
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || strings.ContainsRune(blanks, r): // they look like blanks, and forge a column
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

// isPlain reports whether Line would change nothing in a text that is short enough: it is
// printable ASCII with single spaces between words. Most texts are.
func isPlain(text string) bool {
	last := byte(' ')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && last == ' ' {
			return false
		}
		last = c
	}
	return text == "" || last != ' '
}
