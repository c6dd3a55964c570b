package slackview

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Terminal draws a view for a terminal of so many columns.
func (v View) Terminal(columns int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", v.Headline)
	width := float64(columns - 2)
	for i, p := range v.Parts {
		if i > 0 {
			b.WriteString("┃\n")
		}
		for f := 0; f < len(p.Fields); f += 2 {
			left, right := cells(p.Fields[f], width/2-2), []string(nil)
			if f+1 < len(p.Fields) {
				right = cells(p.Fields[f+1], width/2-2)
			}
			for row := range max(len(left), len(right)) {
				line := cell(left, row)
				line += strings.Repeat(" ", max(0, int(width/2)-utf8.RuneCountInString(line)))
				fmt.Fprintf(&b, "┃ %s\n", strings.TrimRight(line+cell(right, row), " "))
			}
		}
		for _, line := range cells(p, width) {
			fmt.Fprintf(&b, "┃ %s\n", line)
		}
	}
	return b.String()
}

func cells(p Part, width float64) []string {
	var all []string
	for _, line := range p.Lines {
		for _, l := range wrap(line, width, func(s Span) float64 { return float64(utf8.RuneCountInString(s.Text)) }) {
			text := ""
			for _, s := range l {
				text += s.Text
			}
			all = append(all, strings.TrimRight(text, " "))
		}
	}
	return all
}

func cell(lines []string, row int) string {
	if row < len(lines) {
		return lines[row]
	}
	return ""
}
