package tflock

import (
	"regexp"
	"strings"
)

// signsAround bounds the signs of masks in a path, and those around it.
const signsAround = 64

// ownPathAt is where a path of the state ends that stands behind a label: as it is, or masked,
// clipped or wrapped. It is -1 where there is none. whole says that all or most of it is there.
func (s *skeleton) ownPathAt(behind int) (to int, whole bool) {
	rest := strings.TrimPrefix(s.text[behind:], "*\n")                           // a label in bold
	rest = strings.TrimPrefix(strings.TrimLeft(rest, " \t\n:=\"'`(|-"), "s3://") // or below a row of a table's head
	from := len(s.text) - len(rest)
	if !begins(s.text, from) || isWide(s.text[behind:from]) {
		return -1, false
	}
	for _, path := range s.Paths {
		if to := samePath(s.text, from, path); to >= 0 {
			return to, strings.Contains(s.shown, s.text[from:to]) // and not only as names and values of JSON, or in escapes
		}
	}
	shown := s.text[from:min(len(s.text), from+len(s.Paths[0])+2*signsAround)]
	if end := strings.IndexFunc(shown, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`", r) }); end >= 0 {
		shown = shown[:end]
	}
	if len(shown) > len(s.Paths[0])+signsAround {
		return -1, false
	}
	for _, more := range []string{shown, strings.TrimRight(shown, ",;:)"), s.wrapped(from, shown)} {
		if strings.Contains(more, "/") && isMasked(more) && s.canBeOwn(more) {
			return from + len(more), s.isMost(more) && strings.Contains(s.shown, more)
		}
	}
	return -1, false
}

// isMost says that a masked path shows more than half of the folders in the state's, or its whole key, so that hardly any other
// can be meant. One that is clipped may be any that ends, or begins, like it.
func (s *skeleton) isMost(shown string) bool {
	if isClipped.MatchString(shown) {
		return false
	}
	_, key, _ := strings.Cut(s.Paths[0], "/")
	return len(masks.ReplaceAllString(middle(shown), ""))*2 > len(middle(s.Paths[0])) || strings.HasSuffix(shown, "/"+key)
}

// middle is a path without its bucket and its last name.
func middle(path string) string {
	_, key, _ := strings.Cut(path, "/")
	return key[:max(0, strings.LastIndexByte(key, '/'))]
}

var isClipped = regexp.MustCompile(`…|^\.{3}|\.{3}$`)

// wrapped is a masked path with what the next line has of it.
func (s *skeleton) wrapped(from int, shown string) string {
	rest := s.text[from+len(shown):]
	rest = rest[:min(len(rest), len(s.Paths[0])+2*signsAround)]
	trimmed := strings.TrimLeft(rest, " \t\n")
	next, _, _ := strings.Cut(trimmed, "\n")
	next, _ = word(next)
	return s.text[from : from+len(shown)+len(rest)-len(trimmed)+len(next)]
}

func (s *skeleton) canBeOwn(shown string) bool {
	for _, path := range s.Paths {
		if canBe(strings.ReplaceAll(shown, "\n", " "), path) {
			return true
		}
	}
	return false
}

// samePath is where a path ends that stands there, maybe wrapped; -1 where another one does.
func samePath(text string, from int, path string) int {
	at := from
	for i := range len(path) {
		at += wrap(text[at:], path[i])
		if at >= len(text) || text[at] != path[i] {
			return -1
		}
		at++
	}
	for _, of := range []string{".tflock", "-md5"} {
		if strings.HasPrefix(text[at:], of) {
			at += len(of)
		}
	}
	const breaks = 3
	if !ends(text, at) || strings.Count(text[from:at], "\n") > breaks {
		return -1
	}
	return at
}

// wrap is how many line ends and blanks of an indentation are before the next character of a path.
func wrap(rest string, next byte) int {
	const indent = 16
	broken := false
	for i := range min(len(rest), indent) {
		switch {
		case rest[i] == '\n':
			broken = true
		case !broken || rest[i] == next || rest[i] != ' ' && rest[i] != '\t':
			return i
		}
	}
	return min(len(rest), indent)
}
