package tflock

import (
	"strings"
	"unicode/utf8"
)

// longestPrefix bounds what a logger writes before a label, and behind a line, in bytes.
const longestPrefix = 400

// frame is what a terminal, a logger or a CI system puts around every line of a text.
// It is learned from the line of the heading. What is known of frames when a text is judged as a whole is in
// beside_frame.go: a new one belongs into both.
type frame struct {
	prefix, suffix string
	end            string // the suffix without blanks, where a frame may be as long
	strict         bool   // lines have this prefix, and others are not of the text
	exact          bool   // nothing was taken off the text yet, so that every blank counts
}

// strip takes the frame off a line. ok is false where the line is not of this text, but
// of another that is printed at the same time.
func (f frame) strip(line string) (rest string, ok bool) {
	if f.strict {
		if rest, ok = stripPrefix(f.prefix, line); !ok {
			// A frame of marks alone is not always copied with every line.
			rest, ok = line, !hasAlnum(f.prefix) || strings.TrimSpace(line) == ""
			if !ok {
				return "", false
			}
		}
	} else {
		rest = stripLog(line)
	}
	if f.end != "" {
		if cut, ok := stripSuffix(strings.TrimRight(rest, " \t"), f.end); ok {
			rest = cut
		}
	}
	return rest, true
}

// fieldOf returns the value behind a label on a line that has it. Blanks after the value
// count as its own where the heading has none after it.
func (f frame) fieldOf(line, label string) field {
	_, value, _ := strings.Cut(line, ":")
	if strings.HasPrefix(strings.Trim(line, " \t"), "**"+label) {
		value = strings.TrimPrefix(value, "**")
	}
	trimmed := strings.TrimLeft(value, " \t")
	blanks := len(value) - len(trimmed)
	if f.suffix != "" || trimmed == "" || !f.exact {
		return field{strings.TrimRight(trimmed, " \t"), blanks}
	}
	return field{trimmed, blanks}
}

// hasLabel reports whether a text begins with a label, its colon, and a blank, or nothing, or
// the value at once.
func hasLabel(text, label string) bool {
	text = strings.TrimPrefix(text, "**")
	rest, ok := strings.CutPrefix(text, label)
	return ok && strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(rest, "**"), " "), ":")
}

func hasAlnum(text string) bool {
	for i := range len(text) {
		if isAlnum(text[i]) {
			return true
		}
	}
	return false
}

// stripPrefix takes off what a line has in common with the prefix of another: words with
// a digit in them (times, counters, process numbers) may differ, and so may blanks.
func stripPrefix(prefix, line string) (rest string, ok bool) {
	i, j := 0, 0
	for i < len(prefix) {
		switch c := prefix[i]; {
		case c == ' ' || c == '\t':
			i, j = skipBlanks(prefix, i), skipBlanks(line, j)
		case !isTokenByte(c):
			j = skipTo(line, j, c)
			if j >= len(line) || line[j] != c {
				return "", false
			}
			i, j = i+1, j+1
		default:
			p, l := token(prefix[i:]), token(line[j:])
			if i+len(p) == len(prefix) && strings.HasPrefix(l, p) {
				return line[j+len(p):], true // a label may touch it
			}
			if !alike(p, l) {
				return "", false
			}
			i, j = i+len(p), j+len(l)
		}
	}
	return line[j:], true
}

// alike reports whether two words are the same, or differ as times and counters do. A label that
// touches one of them is not a part of it.
func alike(p, l string) bool {
	if !hasDigit(p) || !hasDigit(l) {
		return p == l
	}
	p, l = p[strings.LastIndexAny(p, digits)+1:], l[strings.LastIndexAny(l, digits)+1:]
	return p == l || !strings.Contains(p, ":") && !strings.Contains(l, ":")
}

const digits = "0123456789"

func skipBlanks(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return at
}

// skipTo skips blanks before a byte: padding to a width.
func skipTo(text string, at int, c byte) int {
	if to := skipBlanks(text, at); to < len(text) && text[to] == c {
		return to
	}
	return at
}

func isTokenByte(c byte) bool { return isPlainByte(c) || c == '+' || c == '/' || c == ',' }

func token(text string) string {
	end := 0
	for end < len(text) && isTokenByte(text[end]) {
		end++
	}
	return text[:end]
}

func hasDigit(text string) bool { return strings.ContainsAny(text, digits) }

// stripSuffix takes off what ends the heading's line: numbers in it may differ.
func stripSuffix(line, suffix string) (string, bool) {
	i, j := len(suffix), len(line)
	for i > 0 {
		if j == 0 {
			return line, false
		}
		if isDigit(suffix[i-1]) && isDigit(line[j-1]) {
			i, j = len(strings.TrimRight(suffix[:i], digits)), len(strings.TrimRight(line[:j], digits))
			continue
		}
		if suffix[i-1] != line[j-1] {
			return line, false
		}
		i, j = i-1, j-1
	}
	return line[:j], true
}

// logWords are what loggers, Terragrunt and CI systems write before a line, beside times and what is
// in brackets.
const logWords = " tofu terraform terragrunt stdout stderr error warn warning info debug err out f level "

// stripLog takes off what looks like a logger's or a quotation's: marks, times and
// counters, what is in square brackets, names of streams and levels.
func stripLog(line string) string {
	for {
		rest := strings.TrimLeft(line, " \t│|>*-+#╷╵\"'`•·")
		if strings.HasPrefix(rest, "[") {
			if end := strings.IndexByte(rest[:min(len(rest), 200)], ']'); end > 0 {
				line = rest[end+1:]
				continue
			}
		}
		// A word is taken off only where a blank or a mark follows it.
		t := token(rest)
		_, size := utf8.DecodeRuneInString(rest[len(t):])
		ends := len(t) < len(rest) && (size > 1 || strings.IndexByte(" \t|>]", rest[len(t)]) >= 0)
		if t == "" || !ends || !isLogWord(t) {
			return rest
		}
		line = rest[len(t):]
	}
}

func isLogWord(t string) bool {
	if strings.HasSuffix(t, "ID:") || isUUID(t) {
		return false
	}
	return hasDigit(t) || strings.Contains(logWords, " "+strings.ToLower(strings.TrimRight(t, ":"))+" ") && t != "Info:"
}
