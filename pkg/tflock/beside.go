package tflock

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Meant is the lock that a text is taken to name, and what is known of it.
type Meant struct {
	ID      string
	Paths   []string // the names of its state, at least one; see Path.Clean
	Buckets []string // names of buckets that are watched: a path below one of them is another state's
}

// longestUnderstood bounds a text, in bytes. An error of a client has a thousand, our events have some five thousand.
const longestUnderstood = 32 << 10

// Beside returns the first thing in a text, beside what names this lock, in which a person could
// read another one, quoted for people; it is empty where the text is understood as a whole.
//
// Whoever may take a lock and hands text to others can make one that people read as the lock of its
// writer, while a part that nobody looks at names another team's. Which part counts to a reader
// cannot be known, so nothing is searched for: the whole text has to be a command, a client's error or an alert of
// ours, of the phrases in phrases.txt, this lock's ID and its path. The text is taken as it is, and with what wraps
// it taken off; one reading that is understood is enough, since unwrapping never hides a word (see stages).
func (m Meant) Beside(text string) string {
	m.Paths = slices.DeleteFunc(slices.Clone(m.Paths), func(path string) bool { return path == "" })
	if len(text) > longestUnderstood {
		return quote(strings.ToValidUTF8(text[longestUnderstood:longestUnderstood+min(80, len(text)-longestUnderstood)], ""))
	}
	text = codePages.Replace(text)
	shown := shownAs(text)
	if other := cmp.Or(hidden(text), overwritten(text), comment.FindString(shown), m.offScreen(shown, screen)); other != "" {
		return quote(other)
	}
	seen, other := newSights(text, m.ID), ""
	for stage := range stages(text) {
		if other = cmp.Or(hidden(stage), m.offScreen(stage, unwrapped), m.besideIn(stage, seen)); other == "" {
			return ""
		}
	}
	return quote(other)
}

// besideIn takes a text for a command, a client's error and an alert, one after the other. seen is what people see of it.
func (m Meant) besideIn(text string, seen *sights) (other string) {
	framed := m.unframed(text)
	framed.seen = seen
	if framed.other != "" {
		return framed.other
	}
	best := -1
	for _, kind := range []textKind{commandText, clientText, alertText} {
		p := *framed
		p.covered = make([]bool, len(p.text))
		unknown := p.besideAs(kind)
		if unknown == "" {
			return ""
		}
		if understood := len(p.text) - len(p.uncovered(0, len(p.text))); understood > best { // what it most likely is
			best, other = understood, unknown
		}
	}
	return other
}

// besideAs takes a text for one of a kind. A client's error shows the ID and the path of the lock in its block, an alert the
// path in a sentence of its own. So that nothing else can be meant, whatever has a value that its writer chooses shows the path as well.
func (p *page) besideAs(kind textKind) string {
	p.coverOwn()
	if other := cmp.Or(p.coverPhrases(kind), p.judge(kind), p.clipped); other != "" {
		return other
	}
	if kind == commandText && p.drawn != "" {
		return p.drawn
	}
	if shown := cmp.Or(p.named, p.part); shown != "" && !p.showsPath {
		return shown
	}
	if kind == clientText && !p.saysID || kind != commandText && !p.saysPath {
		first := words(p.text)
		return strings.Join(first[:min(len(first), 4)], " ")
	}
	return ""
}

// page is a text whose lines are without their frame, and which of its bytes are understood.
type page struct {
	Meant
	text    string
	seen    *sights
	covered []bool
	other   string // what its frame shows of another lock
	drawn   string // a line of nothing but its frame: a command has none, since there is no path beside what could be drawn there

	free []value // the phrases whose value is free

	named     string // a name in the text that its writer may have chosen; empty: none
	part      string // a sentence with a part of a path; likewise
	clipped   string // a field with a part of a path, or with one that is out of sight: nothing tells it from a path of the writer's
	showsPath bool   // a phrase in it has the path of this lock's state
	saysPath  bool   // so has one of those that only texts of its kind have
	saysID    bool   // likewise the ID
}

// cover notes that a part of the text is understood.
func (p *page) cover(from, to int) {
	for i := from; i < to; i++ {
		p.covered[i] = true
	}
}

// coverOwn covers the ID and the paths of this lock, wherever they stand.
func (p *page) coverOwn() {
	for _, at := range p.owns(p.text) {
		p.cover(at[0], at[1])
	}
}

// owns are the places of this lock's ID and paths in a text, in order.
func (m Meant) owns(text string) (places [][2]int) {
	for _, own := range append([]string{m.ID}, m.Paths...) {
		for at := 0; own != ""; {
			i := strings.Index(text[at:], own)
			if i < 0 {
				break
			}
			from, to := at+i, at+i+len(own)
			at = to
			if begins(text, from) && ends(text, to) {
				places = append(places, [2]int{from, to})
			}
		}
	}
	slices.SortFunc(places, func(a, b [2]int) int { return a[0] - b[0] })
	return places
}

// A path beside a mask is a part of a longer one.
var (
	maskBefore = lazily(`(?i)(?:\*{3,}|…|\.{3}|\[(?:masked|redacted)\]|[<(](?:sensitive(?: value)?|redacted)[>)])$`)
	maskBehind = lazily(`(?i)^(?:\*{3,}|…|\.{3}|\[(?:masked|redacted)\]|[<(](?:sensitive(?: value)?|redacted)[>)])`)
)

// begins reports whether a word which begins there is not a part of a longer one.
func begins(text string, at int) bool {
	before := strings.TrimSuffix(text[:at], "s3://")
	const longest = len("(sensitive value)")
	if maskBefore.MatchString(before[max(0, len(before)-longest):]) {
		return false
	}
	return before == "" || !isAlnum(before[len(before)-1]) && strings.IndexByte("-_./\\@+%:#", before[len(before)-1]) < 0
}

// ends reports whether a word which ends there does not go on.
func ends(text string, at int) bool {
	rest := text[at:]
	if maskBehind.MatchString(rest) {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest); r > unicode.MaxASCII && unicode.IsLetter(r) {
		return false
	}
	rest = strings.TrimLeft(rest, ".:")
	if rest != "" && rest != text[at:] { // a full stop, and then a word
		return !isAlnum(rest[0])
	}
	return rest == "" || !isAlnum(rest[0]) && strings.IndexByte("-_/\\@+%~#&=$^", rest[0]) < 0
}

// judge looks at what is not covered, line by line.
func (p *page) judge(kind textKind) string {
	open := p.uncovered(0, len(p.text))
	if drawn := cmp.Or(banner.FindString(open), drawing(open)); drawn != "" {
		return drawn
	}
	for from := 0; from <= len(p.text); {
		to := len(p.text)
		if i := strings.IndexByte(p.text[from:], '\n'); i >= 0 {
			to = from + i
		}
		if other := p.line(from, to, kind); other != "" {
			return other
		}
		from = to + 1
	}
	return ""
}

// banner is a line of signs with blanks between, in which letters can be drawn.
var banner = lazily(`(?m)^[ \t]*[#_@%&$+^\x{2500}-\x{257f}]+[ \t]+[#_@%&$+^ \t\x{2500}-\x{257f}]*[#_@%&$+^]+[ \t]*$`)

// longestRow bounds a line that counts as a row about this lock.
const longestRow = 500

// line judges one line. In one with both ID and path of this lock, as in our tables, its holder, verdict and age
// are about it.
func (p *page) line(from, to int, kind textKind) string {
	rest := p.uncovered(from, to)
	row := to-from <= longestRow && p.isRow(from, to)
	for i, word := range words(rest) {
		if marks.MatchString(word) || row && (harmless.MatchString(word) || p.isCell(word)) || i == 0 && kind != commandText && p.isFirst(from, word) && aTime.MatchString(word) {
			continue
		}
		return after(rest, word)
	}
	return ""
}

// isFirst reports whether nothing that counts is before a word of a line: a time is not what a phrase before it names.
func (p *page) isFirst(from int, word string) bool {
	at := from + strings.Index(p.text[from:], word)
	return !slices.Contains(p.covered[from:at], true)
}

// cells are the words of our tables' rows.
var cells = []string{"fresh", "stuck", "unreadable", "orphaned", "half-lock", "likely", "dead", "alive", "unknown", "ended", "running", "held", "for", "by"}

func (p *page) isCell(word string) bool {
	return slices.Contains(cells, strings.ToLower(word)) || strings.Count(word, "@") == 1 && p.value(word, "<who>") == ""
}

// uncovered is what is not understood of a part; what is, is a mark that separates words.
func (p *page) uncovered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		if !p.covered[i] {
			b.WriteByte(p.text[i])
		} else if i == from || !p.covered[i-1] {
			b.WriteByte('\x01')
		}
	}
	return b.String()
}

func (p *page) isRow(from, to int) bool {
	line := p.text[from:to]
	hasPath := false
	for _, path := range p.Paths {
		hasPath = hasPath || path != "" && strings.Contains(line, path)
	}
	return hasPath && containsWord(line, p.ID)
}

// after is a word with up to three others behind it, for people.
func after(rest, word string) string {
	_, behind, _ := strings.Cut(rest, word)
	all := append([]string{word}, words(behind)...)
	return strings.Join(all[:min(len(all), 4)], " ")
}

// words are the words of a line, without the marks around them. What joins the parts of an ID or a
// path stays in them.
func words(text string) []string {
	var all []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || r == '\x01' || strings.ContainsRune("\"'`“”‘’«»()[]{}<>|│,;=*!?…•·", r)
	}) {
		if word = strings.TrimLeft(strings.Trim(word, ".:"), "@#$+~&"); word != "" {
			all = append(all, word)
		}
	}
	return all
}

func isFrame(r rune) bool { return r >= 0x2500 && r <= 0x257f }
