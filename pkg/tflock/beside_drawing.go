package tflock

import (
	"regexp"
	"strings"
)

// Signs and numbers say nothing one by one, but letters can be drawn with signs on several lines,
// and an ID can be written in groups of digits. So there may be a few of either.

// manySigns are those of a line that may be a row of a drawing.
const manySigns = 3

// plainRow is a line that frames, tables and fences have.
var plainRow = regexp.MustCompile("^(?:[|│> \\t]*|[|+├┌└│ ]*(?::?[-─]{3,}:?[|+┼┬┴┤┐┘│ ]*)+|[\\s\"'{}\\[\\](),;:+`]*)$")

// drawing gives the first line of what may be a drawing: of lines of many signs a text has but few that
// differ. In a row of bars a drawing may hide as well.
func drawing(open string) string {
	const few = 3
	rows := map[string]bool{}
	first := ""
	for line := range strings.SplitSeq(open, "\n") {
		line = strings.TrimRight(line, " \t")
		signs := strings.Join(strings.Fields(line), "")
		if strings.ContainsFunc(line, counts) || len([]rune(signs)) < manySigns {
			continue
		}
		if !plainRow.MatchString(line) && strings.ContainsAny(strings.TrimSpace(line), " \t") {
			return strings.TrimSpace(line)
		}
		if rows[line] = true; first == "" {
			first = line
		}
		if len(rows) > few {
			return first
		}
	}
	return ""
}

var (
	aNumber   = `[0-9]{1,4}[%.]?`
	inARow    = regexp.MustCompile(`(?:^|[^0-9A-Za-z.,:-])(` + aNumber + `(?:[ \t|*"'` + "`" + `,;=!?()<>{}-]+` + aNumber + `){2,})(?:$|[^0-9A-Za-z:.-])`)
	onlyDigit = regexp.MustCompile(`(?m)^[^\pL\pN\n\x01]*(` + aNumber + `)[^\pL\pN\n\x01]*$`)
)

// numbers gives what may be an ID in groups: three numbers in a row, or three on lines that have nothing else.
func numbers(open string) string {
	for line := range strings.SplitSeq(open, "\n") {
		if at := inARow.FindStringSubmatch(dates.ReplaceAllString(line, " : ")); at != nil {
			return at[1]
		}
	}
	seen := map[string]bool{}
	for _, line := range onlyDigit.FindAllStringSubmatch(open, -1) {
		if seen[line[1]] = true; len(seen) > 2 {
			return line[1]
		}
	}
	return ""
}
