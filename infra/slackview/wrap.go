package slackview

import "strings"

// wrap breaks a line of spans at blanks, and where there is none in time. measure gives
// a span's width in the unit of the width.
func wrap(line []Span, width float64, measure func(Span) float64) [][]Span {
	var all [][]Span
	var current []Span
	used := 0.0
	for _, s := range line {
		for word := range strings.SplitAfterSeq(s.Text, " ") {
			for word != "" {
				piece := s
				piece.Text = word
				if used+measure(trimmed(piece)) <= width || (used == 0 && len([]rune(word)) == 1) {
					current, used, word = join(current, piece), used+measure(piece), ""
					continue
				}
				if used > 0 && measure(trimmed(piece)) <= width {
					all, current, used = append(all, current), nil, 0
					continue
				}
				head := fitting(piece, width-used, measure)
				if head == "" { // not even one character: on the next line, then
					all, current, used = append(all, current), nil, 0
					continue
				}
				piece.Text = head
				all, current, used, word = append(all, join(current, piece)), nil, 0, strings.TrimPrefix(word, head)
			}
		}
	}
	return append(all, current)
}

func fitting(s Span, width float64, measure func(Span) float64) string {
	head := ""
	for _, r := range s.Text {
		s.Text = head + string(r)
		if measure(s) > width {
			break
		}
		head = s.Text
	}
	return head
}

func trimmed(s Span) Span {
	s.Text = strings.TrimRight(s.Text, " ")
	return s
}

// join appends a span to a line, to the last one if they are of one style.
func join(line []Span, s Span) []Span {
	if n := len(line); n > 0 {
		last, style := line[n-1], s
		style.Text = last.Text
		if style == last {
			line[n-1].Text += s.Text
			return line
		}
	}
	return append(line, s)
}
