package tflock

import (
	"slices"
	"strings"
	"unicode"
)

// value is a sentence or a field of a text whose value is free.
type value struct {
	label, text string // what phrases.txt has of it, and the whole, both without what does not count
	from, to    int
	once        bool // it is a field of the lock, which has one value
}

// isField reports whether a phrase is a label with a value behind its colon.
func (p phrase) isField() bool {
	last := p.parts[len(p.parts)-1]
	return len(p.parts) == 2 && last.kind == aValue && last.colon && last.mark != "<url>"
}

// isFree says of a value that its writer chooses it.
func (p part) isFree() bool { return p.kind == aValue || p.kind == aShape }

// isFree reports whether a phrase has a value that its writer chooses, and nothing that names this lock.
func (p phrase) isFree() bool {
	free := false
	for _, one := range p.parts {
		if one.kind == ownID || one.kind == ownPath {
			return false
		}
		free = free || one.isFree()
	}
	return free
}

func (p phrase) has(kind partKind) bool {
	return slices.ContainsFunc(p.parts, func(one part) bool { return one.kind == kind })
}

// label is a phrase without its values.
func (p phrase) label() string {
	var b strings.Builder
	for _, one := range p.parts {
		b.WriteString(string(one.literal) + " ")
	}
	return b.String()
}

// A free value counts only where a reader sees it together with the lock's ID or path.
const (
	farthest     = 6000 // bytes: our events in JSON have their links below
	farthestLine = 60
)

// A part of a text may fill a screen with nothing: clients, CI systems and our messages leave at most three lines
// empty, and some wrappings twice as many.
const (
	manyBreaks = 13  // line breaks without a letter or a digit between them
	manyBlanks = 150 // other signs in one line
	narrow     = 80  // columns
)

// hidden returns what follows a part of a text without letters and digits that may fill a screen: whoever pastes the
// text has not seen it. It is empty where there is no such part.
func hidden(text string) string {
	begun, screen := false, false
	breaks, blanks := 0, 0
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if begun && screen {
				rest := words(text[i:])
				return strings.Join(rest[:min(len(rest), 4)], " ")
			}
			begun, screen, breaks, blanks = true, false, 0, 0
		case r == '\n':
			breaks, blanks = breaks+1, 0
		case r == '\t':
			blanks += 8
		default:
			if blanks++; blanks%narrow == 0 {
				breaks++ // a terminal breaks the line there
			}
		}
		screen = screen || breaks >= manyBreaks || blanks >= manyBlanks
	}
	return ""
}

// gap is what pushes a part of a text out of sight.
var gap = lazily(`\n(?:[ \t│|>*#]*\n){3}|[ \t]{150}`)

// outside returns the first free value that is not about this lock for certain: it is away from the
// lock's ID and path, or the same field has another value elsewhere.
func (p *page) outside() string {
	places := p.pathsIn(p.text)
	if len(places) == 0 { // it is masked
		places = p.owns(p.text)
	}
	first := map[string]string{}
	for _, one := range p.free {
		if known, ok := first[one.label]; ok && one.once && known != one.text {
			return p.text[one.from:one.to]
		}
		first[one.label] = one.text
		next, _ := slices.BinarySearchFunc(places, one.from, func(at [2]int, from int) int { return at[0] - from })
		if !slices.ContainsFunc(places[max(0, next-1):min(len(places), next+1)], func(at [2]int) bool { return p.together(one, at) }) {
			return p.text[one.from:one.to]
		}
	}
	return ""
}

// together reports whether a reader sees both at once.
func (p *page) together(one value, at [2]int) bool {
	from, to := min(one.to, at[1]), max(one.from, at[0])
	if from >= to {
		return true
	}
	between := p.text[from:to]
	return len(between) <= farthest && strings.Count(between, "\n") <= farthestLine && (!one.once || !gap.MatchString(between))
}
