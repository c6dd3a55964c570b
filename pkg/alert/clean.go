package alert

import (
	"encoding/json"
	"strings"
	"unicode"

	"al.essio.dev/pkg/shellescape"

	"github.com/lockwarden/lockwarden/pkg/plain"
)

// Clean makes one line of a text that somebody else wrote. limit is in characters.
func Clean(text string, limit int) string { return plain.Line(text, limit) }

// or gives a text that is never empty.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// command joins words into a line that a shell takes apart into just these words. A
// line break in a word is written by its JSON escape only: such a word was no ID
// that a client made, and must not become a second line of a message.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellescape.Quote(oneLine(word))
	}
	return strings.Join(quoted, " ")
}

func oneLine(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(word, "?"))
}

// payload is the JSON of a command's argument.
func payload(fields map[string]string) string {
	raw, err := json.Marshal(fields)
	if err != nil { // a map of strings always marshals
		return "{}"
	}
	return string(raw)
}
