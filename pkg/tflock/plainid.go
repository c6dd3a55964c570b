package tflock

import (
	"strings"
	"unicode"
)

// isPlain reports whether an ID is of characters that no wrapping takes apart: ASCII letters,
// digits and "-_.:", the last four not at its ends. Clients write UUIDs.
func isPlain(id string) bool {
	if id == "" || len(id) > maxIDLength || !isAlnum(id[0]) || !isAlnum(id[len(id)-1]) {
		return false
	}
	for i := range len(id) {
		if !isPlainByte(id[i]) {
			return false
		}
	}
	return true
}

func isPlainByte(c byte) bool { return isAlnum(c) || strings.IndexByte("-_.:", c) >= 0 }

func isAlnum(c byte) bool { return isLetter(c) || isDigit(c) }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// containsWord finds an ID that is not a part of a longer one.
func containsWord(text, id string) bool {
	for at := 0; ; at++ {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(id)
		// A label's colon or a sentence's full stop may touch it, and so may the letter of
		// an escape such as \n.
		before := at == 0 || !isAlnum(text[at-1]) || at > 1 && text[at-2] == '\\' || at > 2 && text[at-3] == '%'
		if before && (end == len(text) || !isAlnum(text[end])) {
			return true
		}
	}
}

// isUUID reports whether a word has the shape 8-4-4-4-12 of hexadecimal digits.
func isUUID(word string) bool {
	if len(word) != 36 {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// uuid returns the first word of that shape.
func uuid(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if isUUID(word) {
			return word
		}
	}
	return ""
}

// isWholePath says that a text is a bucket/key as it was, neither masked nor clipped.
func isWholePath(path string) bool { return isPath(path) && !isMasked(path) }

func isPath(path string) bool {
	bucket, key, ok := strings.Cut(path, "/")
	return ok && bucket != "" && key != "" && !strings.ContainsFunc(path, unicode.IsControl)
}

// quote shows a part of a text in an error: one line without control or direction
// characters, clipped.
func quote(text string) string {
	const limit = 80
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '"' {
			return '?'
		}
		return r
	}, strings.TrimSpace(text[:min(len(text), 8*limit)]))
	if runes := []rune(clean); len(runes) > limit {
		clean = string(runes[:limit-1]) + "…"
	}
	return `"` + clean + `"`
}

// firstLine is what a text begins with, to recognise it by. What may be a secret is
// left out: errors are logged.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(line)
	for i, word := range words {
		lower := strings.ToLower(word)
		if name, _, ok := strings.Cut(word, "="); ok {
			words[i] = name + "=…"
		} else if len(word) > 30 || strings.Contains(lower, "secret") || strings.Contains(lower, "password") || strings.Contains(lower, "token") {
			words = append(words[:i], "…")
			break
		}
	}
	return strings.Join(words[:min(len(words), 10)], " ")
}
