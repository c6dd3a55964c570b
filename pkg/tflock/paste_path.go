package tflock

import (
	"slices"
	"strings"
)

// masks are what CI systems, terminals and messages show in place of a part of a path. A path
// may have such characters of its own, which its owner chose: a mask hides only itself.
var masks = lazily(`(?i)\*{3,}|…|\[masked\]|\[redacted\]|<redacted>|[<(]sensitive(?: value)?[>)]?|^\.{3}|\.{3}$`)

// isMasked says that a path shows the marks of who hid a part of it, or had no room.
func isMasked(path string) bool { return masks.MatchString(path) }

// OtherState returns the first path that the text shows and that cannot be any of the names of
// a state; empty where all can. Of a masked path the visible parts are compared, and in one
// that was joined again blanks do not count, since a break may have taken the place of one.
func (r Reference) OtherState(names ...string) string {
	for _, path := range r.Paths() {
		if !slices.Contains(names, path) {
			return path
		}
	}
	for _, path := range r.doubtful() {
		// A path whose line goes on has a clip of ours behind it, which may stand for nothing.
		if !slices.ContainsFunc(names, func(name string) bool { return canBe(path, name) || canBe(strings.TrimSuffix(path, "…"), name) }) {
			return path
		}
	}
	return ""
}

// shownPaths collects the paths that a text shows, each once.
type shownPaths struct {
	whole, doubtful []string
	known           map[string]bool
}

func (p *shownPaths) add(m mention) {
	if m.path == "" || p.known[m.path] {
		return
	}
	if p.known == nil {
		p.known = map[string]bool{}
	}
	p.known[m.path] = true
	if m.doubtful {
		p.doubtful = append(p.doubtful, strings.ReplaceAll(m.path, "\n", " "))
	} else {
		p.whole = append(p.whole, m.path)
	}
}

// of adds the paths to a reference. A doubtful one that can be the only whole one says
// nothing more.
func (p *shownPaths) of(ref Reference) Reference {
	if len(p.whole) == 1 {
		p.doubtful = slices.DeleteFunc(p.doubtful, func(path string) bool { return canBe(path, p.whole[0]) })
	}
	switch {
	case len(p.whole)+len(p.doubtful) == 0:
	case len(p.doubtful) == 0 && len(p.whole) == 1:
		ref.Path = p.whole[0]
	case len(p.doubtful) == 1 && len(p.whole) == 0:
		ref.DoubtfulPath = p.doubtful[0]
	default:
		ref.several, ref.doubts = strings.Join(p.whole, "\n"), strings.Join(p.doubtful, "\n")
	}
	return ref
}

// doubtful are the paths that the text shows masked, clipped or wrapped.
func (r Reference) doubtful() []string {
	switch {
	case r.doubts != "":
		return strings.Split(r.doubts, "\n")
	case r.DoubtfulPath != "":
		return []string{r.DoubtfulPath}
	}
	return nil
}

// canBe reports whether a path that is not shown whole can be that of a state.
func canBe(shown, path string) bool {
	if shown == path {
		return true
	}
	path = withoutBlanks(path)
	parts := masks.Split(shown, -1)
	first, last := withoutBlanks(parts[0]), withoutBlanks(parts[len(parts)-1])
	if len(parts) == 1 {
		return path == first
	}
	rest, ok := strings.CutPrefix(path, first)
	if !ok {
		return false
	}
	if rest, ok = strings.CutSuffix(rest, last); !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		part = withoutBlanks(part)
		at := strings.Index(rest[min(1, len(rest)):], part)
		if at < 0 {
			return false
		}
		rest = rest[min(1, len(rest))+at+len(part):]
	}
	return rest != "" // a mask hides something: what it would leave whole is read as another path
}

func withoutBlanks(text string) string { return strings.Join(strings.Fields(text), "") }

// leadingPath returns the path at the beginning of a line that may go on with something else,
// then with a mask in place of what follows; empty where no path is there.
func leadingPath(line string) string {
	path, rest := word(strings.Trim(line, " \t"))
	if !mayBePath(path) {
		return ""
	}
	if rest != "" {
		path += "…"
	}
	return path
}

// mayBePath reports whether a text may show the bucket/key of a state: no bucket's name begins
// with a slash or a dot, as the names of directories do, and no path is a URL.
func mayBePath(text string) bool {
	return strings.Contains(text, "/") && !strings.Contains(text, "://") && (isAlnum(text[0]) || isMasked(text))
}

// fromPath takes off what looks like a logger's, but no path that has blanks, whose words
// with digits look like it too.
func fromPath(line string) string {
	rest := stripLog(line)
	taken := line[:len(line)-len(rest)]
	for taken != "" {
		at := strings.LastIndexAny(strings.TrimRight(taken, " \t"), " \t>|*`") + 1
		bucket, _, _ := strings.Cut(taken[at:], "/")
		if mayBePath(taken[at:]) && strings.ContainsFunc(bucket, func(r rune) bool { return 'a' <= r && r <= 'z' }) {
			return line[at:]
		}
		taken = taken[:max(0, at-1)]
	}
	return rest
}
