package tflock

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Signs say nothing one by one, but letters can be drawn with them on several lines. So there may be a few.

// manySigns are those of a line that may be a row of a drawing.
const manySigns = 3

// signs is how many characters of a text are no blanks.
func signs(text string) int { return utf8.RuneCountInString(strings.Join(strings.Fields(text), "")) }

// letterless is a text without its letters and digits.
func letterless(text string) string { return strings.Join(strings.FieldsFunc(text, counts), "") }

// plainRow is a line that frames, tables and fences have.
var plainRow = lazily("^(?:[|│> \\t]*|[|+├┌└│ ]*(?::?[-─]{3,}:?[|+┼┬┴┤┐┘│ ]*)+|[\\s\"'{}\\[\\](),;:+`]*)$")

// manyBeside are signs beside what is understood, in one line, that may be a part of a drawing. Our command has six in a row.
const manyBeside = 7

// bars are those of a frame whose lines were joined, all at the same distance, maybe with a prompt.
var bars = lazily(`^[:.]{0,3}[ \t]*[|│╷╵]?(?: {1,2}[|│╷╵])*(?: \$)?[ \t]*$`)

var quoted = lazily(`^(?:> ?)*`)

// drawn reports whether what is between two parts that are understood may be a part of a drawing.
func drawn(between string) bool {
	between = quoted.ReplaceAllString(between, "")
	return !bars.MatchString(between) && (signs(between) >= manyBeside || len(strings.Fields(between)) > 2)
}

// frameAlone is a line with nothing but its frame, or the quotation of an empty string.
var frameAlone = lazily(`^[ \t]*(?:[|>]?[ \t]*[│|╷╵>]?|["'\[\]{},]{1,4})$`)

// drawing returns the first line of what may be a drawing: of lines of signs alone a text has but few that differ. In a row
// of bars a drawing may hide as well.
func drawing(open string) string {
	const few = 3
	rows := map[string]bool{}
	for line := range strings.SplitSeq(open, "\n") {
		line = strings.TrimRight(line, " \t")
		if between := strings.FieldsFunc(line, func(r rune) bool { return r == '\x01' || counts(r) }); strings.Contains(line, "\x01") && slices.ContainsFunc(between, drawn) {
			return strings.TrimSpace(line)
		}
		if strings.ContainsFunc(line, counts) || frameAlone.MatchString(line) {
			continue
		}
		if !plainRow.MatchString(line) && strings.ContainsAny(strings.TrimSpace(line), " \t") {
			return strings.TrimSpace(line)
		}
		if rows[line] = true; len(rows) > few {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
