package stack_test

import (
	"strings"
	"testing"
	"unicode"
)

// The front door stays one that people read: what it does not say is in docs.
func TestTheREADMEHasAtMost700Words(t *testing.T) {
	t.Parallel()
	words := 0
	for word := range strings.FieldsSeq(read(t, "README.md")) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			words++
		}
	}
	if words > 700 {
		t.Errorf("README.md has %d words", words)
	}
}
