package tflock

import (
	"strings"
	"unicode/utf8"
)

// What people see of a text at once.
const (
	columns = 120
	screen  = 45 // rows
)

// width is how many columns a line takes.
func width(line string) int {
	const tab = 7 // more than the one that it is
	return utf8.RuneCountInString(line) + tab*strings.Count(line, "\t")
}

// offScreen gives the beginning of the first screen of a text that does not show the path of this lock's state: whoever reads the
// beginning of a text, its end, or anything between sees what it is about. A text that fits on a screen needs no path.
func (m Meant) offScreen(text string) string {
	row, since, first := 0, 0, 0
	for at := 0; at < len(text); {
		line := text[at:]
		if end := strings.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		row += max(1, (width(strings.TrimRight(line, "\r\n"))+columns-1)/columns)
		if m.showsPath(escapes.Replace(escapes.Replace(line))) {
			since, first = row, at
		}
		if row-since > screen {
			rest := words(text[first:])
			return strings.Join(rest[:min(len(rest), 4)], " ")
		}
		at += len(line)
	}
	return ""
}

func (m Meant) showsPath(line string) bool {
	for _, path := range m.Paths {
		if at := strings.Index(line, path); path != "" && at >= 0 && begins(line, at) && ends(line, at+len(path)) {
			return true
		}
	}
	return false
}
