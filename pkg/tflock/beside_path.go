package tflock

import (
	"slices"
	"strings"
)

// signsAround bounds the signs of masks in a path, and those around it.
const signsAround = 64

// ownPathAt is where a path of the state ends that stands behind a label: as it is, or masked,
// clipped or wrapped. It is -1 where there is none. shown is what stands there, where that is all of it
// but a masked bucket, in sight.
func (s *skeleton) ownPathAt(behind int) (to int, shown string) {
	rest := strings.TrimPrefix(s.text[behind:], "*\n")                           // a label in bold
	rest = strings.TrimPrefix(strings.TrimLeft(rest, " \t\n:=\"'`(|-"), "s3://") // or below a row of a table's head
	from := len(s.text) - len(rest)
	if !begins(s.text, from) || isFar(s.text[behind:from]) {
		return -1, ""
	}
	for _, path := range s.Paths {
		if to := max(samePath(s.text, from, path), s.behindMask(from, path)); to >= 0 {
			if s.seen.have(s.text[from:to]) {
				shown = s.text[from:to]
			}
			return to, shown
		}
	}
	part := s.text[from:min(len(s.text), from+len(s.Paths[0])+2*signsAround)]
	if end := strings.IndexFunc(part, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`", r) }); end >= 0 {
		part = part[:end]
	}
	if len(part) > len(s.Paths[0])+signsAround {
		return -1, ""
	}
	for _, more := range []string{part, strings.TrimRight(part, ",;:)"), s.wrapped(from, part)} {
		if strings.Contains(more, "/") && isMasked(more) && s.canBeOwn(more) {
			return from + len(more), ""
		}
	}
	return -1, ""
}

// isFar reports whether a reader may not see what stands so far behind its label: a mail breaks a line before a long path, and a table has
// one or two rows between.
func isFar(between string) bool {
	const manyLines = 2
	for line := range strings.SplitSeq(between, "\n") {
		if width(line) > manyBlanksBetween {
			return true
		}
	}
	return strings.Count(between, "\n") > manyLines
}

// behindMask is where a path ends whose bucket is masked, as CI systems mask a name that is a secret, and whose key is there as a
// whole; -1 where none does. A mask anywhere else hides what tells states from each other. For the same reason the key has two
// folders, and no other bucket can be meant.
func (s *skeleton) behindMask(from int, path string) int {
	own, key, _ := strings.Cut(path, "/")
	shown, _, ok := strings.Cut(s.text[from:min(len(s.text), from+len(own)+signsAround)], "/")
	const sensitive = "(sensitive value)" // has a blank
	if !ok || !isMasked(shown) || isClipped.MatchString(shown) || strings.Count(key, "/") < 2 || !canBe(shown, own) ||
		strings.ContainsAny(strings.Replace(shown, sensitive, "", 1), " \t\n") || len(shown) > max(len(own), len(sensitive)) { // a longer one puts the key to the right
		return -1
	}
	if slices.ContainsFunc(s.Buckets, func(other string) bool { return other != own && canBe(shown, other) }) {
		return -1
	}
	return samePath(s.text, from+len(shown+"/"), key)
}

var isClipped = lazily(`…|^\.{3}|\.{3}$`)

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
		case !broken || rest[i] == next || rest[i] != ' ':
			return i
		}
	}
	return min(len(rest), indent)
}
