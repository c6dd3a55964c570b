package tflock

import (
	"strings"
	"unicode"
)

// What people see of a text at once.
const (
	columns   = 120
	screen    = 45 // rows
	unwrapped = 60 // of a text whose JSON is a line for each member, as our events are then
)

// lineEndings are what some terminal, browser or viewer of logs shows as the end of a line.
var lineEndings = strings.NewReplacer("\r\n", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n", "\u00a0", " ")

// shownAs is a text as viewers show it: with its escaped line ends as such, in which others see a message in JSON.
func shownAs(text string) string {
	return colours.ReplaceAllStringFunc(escapes.Replace(escapes.Replace(lineEndings.Replace(text))), columnsOf)
}

// columnsOf returns a code of a terminal as what takes its columns: a viewer that does not know codes shows them, and one that
// knows them does not, where they have lost their escape character.
func columnsOf(code string) string { return strings.Repeat("│", len(code)) }

// comment begins what HTML and Markdown do not show.
var comment = lazily(`<[!?]|</[^A-Za-z]`)

// renderedAs is a text with all of its escapes and its HTML as what they stand for.
func renderedAs(shown string) string {
	const layers = 4 // of JSON in JSON
	for range layers {
		shown = plainTags(escapes.Replace(shown))
	}
	return shown
}

// erased is what GitLab writes at the beginning and the end of a section, alone in its line but for a time: it lets the
// terminal erase it.
var erased = lazily(`(?m)^((?:[0-9TZOE:.+-]{1,40} )*section_(?:start|end):[0-9]{10}:[a-z_]{1,40})\r\x1b\[0K`)

// overwritten returns what a terminal shows in place of what is before it in its line.
func overwritten(text string) string {
	text = strings.ReplaceAll(erased.ReplaceAllString(text, "$1"), "\r\n", "\n")
	_, behind, found := strings.Cut(strings.TrimRight(text, "\r\n"), "\r")
	if !found {
		return ""
	}
	rest := words(behind)
	return strings.Join(append([]string{"\r"}, rest[:min(len(rest), 4)]...), " ")
}

// offScreen returns the beginning of the first screen of a text that does not show the path of this lock's state: whoever reads the
// beginning of a text, its end, or anything between sees what it is about. A text that fits on a screen needs no path.
func (m Meant) offScreen(text string, screen int) string {
	from, seen := 0, newSight(text)
	for _, at := range append(m.pathsIn(text), [2]int{len(text), len(text)}) {
		if at[0] < len(text) && (!seen.isWord(at[0]) || screen < unwrapped && !seen.isInColumns(at[0])) { // unwrapped lines have other lengths
			continue
		}
		if rows(text[from:max(from, at[0])]) > screen {
			rest := words(text[from:])
			return strings.Join(rest[:min(len(rest), 4)], " ")
		}
		from = max(from, at[1])
	}
	return ""
}

// pathsIn are the places of the paths of this lock in a text.
func (m Meant) pathsIn(text string) [][2]int {
	m.ID = ""
	return m.owns(text)
}

// rows is how many rows a text takes.
func rows(text string) (n int) {
	for line := range strings.SplitSeq(text, "\n") {
		n += max(1, (width(line)+columns-1)/columns)
	}
	return n
}

// width is how many columns a line takes at most.
func width(line string) (n int) {
	const tab, wide = 8, '\u1100' // the first of the characters that may take two columns
	for _, r := range line {
		switch {
		case r == '\t' || unicode.Is(unicode.Cf, r): // or as its code
			n += tab
		case r >= wide && !isFrame(r):
			n += 2
		default:
			n++
		}
	}
	return n
}
