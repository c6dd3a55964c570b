package tflock

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Meant is the lock that a text is taken to name, and what is known of it.
type Meant struct {
	ID      string
	Paths   []string // the names of its state; see Path.Clean
	Buckets []string // names of buckets that are watched: a path below one of them is another state's
}

// Beside gives the first thing in a text, beside what names this lock, in which a person could
// read another one, quoted for people; it is empty where the text is understood as a whole.
//
// Whoever may take a lock and hands text to others can make one that people read as the lock of its
// writer, while a part that nobody looks at names another team's. Which part counts to a reader
// cannot be known, so nothing is searched for: whatever is not one of the sentences and fields in
// phrases.txt, this lock's ID or its path has to be harmless by a rule that needs no knowledge (see
// free). The text is taken as it is, and with what wraps it taken off; one reading that is
// understood is enough, since unwrapping never hides a word (see steps).
func (m Meant) Beside(text string) string {
	other := ""
	for stage := range stages(text) {
		if other = m.besideIn(stage); other == "" {
			return ""
		}
	}
	return quote(other)
}

// maxFree bounds the words of a text that are harmless and not understood: some sentences of whoever
// pastes it.
const maxFree = 60

func (m Meant) besideIn(text string) string {
	p := m.unframed(text)
	if p.other != "" {
		return p.other
	}
	p.coverOwn()
	if other := p.coverPhrases(); other != "" {
		return other
	}
	return p.judge()
}

// page is a text whose lines are without their frame, and which of its bytes are understood.
type page struct {
	Meant
	text    string
	covered []bool
	bound   map[int]bool // where lines begin that had a frame of their holder's: they have no free words
	table   []int        // the heading of a table; nil: not looked for yet
	other   string       // what the frame shows of another lock
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

// begins says that a word which begins there is not a part of a longer one.
func begins(text string, at int) bool {
	before := strings.TrimSuffix(text[:at], "s3://")
	return before == "" || !isAlnum(before[len(before)-1]) && strings.IndexByte("-_./\\@+%", before[len(before)-1]) < 0
}

// ends says that a word which ends there does not go on.
func ends(text string, at int) bool {
	rest := text[at:]
	rest = strings.TrimLeft(rest, ".:")
	if rest != "" && rest != text[at:] { // a full stop, and then a word
		return !isAlnum(rest[0])
	}
	return rest == "" || !isAlnum(rest[0]) && strings.IndexByte("-_/\\@+%", rest[0]) < 0
}

// judge looks at what is not covered, line by line.
func (p *page) judge() string {
	free := maxFree
	for from := 0; from <= len(p.text); {
		to := len(p.text)
		if i := strings.IndexByte(p.text[from:], '\n'); i >= 0 {
			to = from + i
		}
		if other := p.line(from, to, &free); other != "" {
			return other
		}
		from = to + 1
	}
	return ""
}

// longestRow bounds a line that counts as a row about this lock.
const longestRow = 500

// line judges one line. In one with both ID and path of this lock, as in a table, its holder and what people say
// of locks are about it.
func (p *page) line(from, to int, free *int) string {
	rest := p.uncovered(from, to)
	row := to-from <= longestRow && p.isRow(from, to)
	bound := p.bound[from] || !row && p.inTable(from)
	for _, word := range words(rest) {
		if row && (isTalk(word) || strings.Contains(word, "@") && p.value(word) == "") {
			continue
		}
		switch harm, counts := freeWord(word); {
		case harm:
			return after(rest, word)
		case counts && bound:
			return word
		case counts:
			if *free--; *free < 0 {
				return word
			}
		}
	}
	return ""
}

// tableHeading is that of a table of locks. What is in the lines below it is read as a lock's.
var tableHeading = regexp.MustCompile(`(?im)^[|> \t]*(?:state|path)[|\t ].*\bid\b`)

// inTable says that a line is below such a heading.
func (p *page) inTable(from int) bool {
	if p.table == nil {
		p.table = []int{len(p.text), len(p.text)}
		if at := tableHeading.FindStringIndex(p.text); at != nil {
			p.table = at
		}
	}
	return from > p.table[1]
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
		return r <= ' ' && r != 0 && r != '\b' && r != 0x1b || strings.ContainsRune("\"'`“”‘’«»()[]{}<>|│,;=*!?…•·", r) || isFrame(r)
	}) {
		if word = strings.TrimLeft(strings.Trim(word, ".:"), "@#$+~&"); word != "" {
			all = append(all, word)
		}
	}
	return all
}

func isFrame(r rune) bool { return r >= 0x2500 && r <= 0x257f }

var (
	letters = regexp.MustCompile(`^[A-Za-z]{1,16}(?:[:/]?:[A-Za-z]{1,16})*$`)
	// clear is what nobody reads as an ID: numbers, versions, times, lengths, one or two signs.
	clear = regexp.MustCompile(`^(?:[0-9]{1,4}[%.]?|v?[0-9]{1,3}(?:\.[0-9]{1,4}){1,3}(?:-(?:dev|(?:rc|alpha|beta)[0-9]*))?|[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}|` +
		`(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|UTC))?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|UTC)?|(?:[0-9]{1,4}(?:ms|[smhd])){1,4}|[A-Za-z0-9]{1,3})$`)
	// marks are what stands alone.
	marks = regexp.MustCompile(`^[-–—#&$~+/\\%:@.^_]+$`)
)

// lockWords begin what is said of a lock or of where one is.
var lockWords = []string{
	"lock", "unlock", "id", "ids", "uuid", "identifier", "path", "paths", "state", "states", "statefile", "tfstate", "bucket", "buckets", "key", "keys", "table", "row", "stack", "workspace",
}

func isTalk(word string) bool { return slices.Contains(talk, strings.ToLower(word)) }

// talk is what people say of locks.
var talk = []string{"release", "releases", "released", "releasing", "held", "stuck"}

func isLockWord(word string) bool {
	word = strings.ToLower(word)
	for _, one := range lockWords {
		if word == one || len(one) > 3 && one[len(one)-1] == 'k' && strings.HasPrefix(word, one) && !strings.HasPrefix(word, "lockwarden") {
			return true
		}
	}
	return false
}

// freeWord says of a word that is not understood whether somebody may read a lock in it: of a word
// of letters only where it speaks of locks, of any other unless it is clear that it is none.
// counts says that it is a word.
func freeWord(word string) (harm, counts bool) {
	switch {
	case marks.MatchString(word):
		return false, false
	case clear.MatchString(word) && !isLockWord(word):
		return false, false
	case letters.MatchString(word):
		for part := range strings.SplitSeq(word, ":") {
			if isLockWord(part) || isTalk(part) {
				return true, true
			}
		}
		return false, true
	}
	return true, true
}

var (
	codeBuild = regexp.MustCompile(`AWSCodeBuild-[0-9a-fA-F-]{36}`)
	address   = regexp.MustCompile(`https?://[^\s"'<>]+`)
	// likeID is what looks like a client's ID to a reader who does not count, whatever its dashes are.
	likeID = regexp.MustCompile(`[\pL\pN]{6,10}[\p{Pd}\p{S}\p{Po}][\pL\pN]{3,5}[\p{Pd}\p{S}\p{Po}][\pL\pN]{3,5}[\p{Pd}\p{S}\p{Po}][\pL\pN]{3,5}[\p{Pd}\p{S}\p{Po}][\pL\pN]{10,14}|[0-9a-fA-F]{32}|` +
		`[0-9a-fA-F]{7,9}[\p{Pd}\p{S}][0-9a-fA-F]{3,5}[\p{Pd}\p{S}][0-9a-fA-F]{3,5}|[\p{Pd}\p{S}][0-9a-fA-F]{3,5}[\p{Pd}\p{S}][0-9a-fA-F]{10,14}`) // also a part of one
	// likePath is a path that does not begin with a slash, as none of an object does.
	likePath = regexp.MustCompile(`(?:^|[^\pL\pN/._~@+-])([\pL\pN][^\s/"'<>|]*/[^\s"'<>|]*)`)
	dates    = regexp.MustCompile(`[0-9]{4}/[0-9]{2}/[0-9]{2}`)
	oneWord  = regexp.MustCompile(`[\pL\pN]+`)
)

// value gives what the value of a field shows of another lock: fields have any words, but no ID, no
// path, and nothing that is said of locks.
func (m Meant) value(text string) string {
	text = codeBuild.ReplaceAllString(m.withoutOwn(text), " ")
	if below := m.belowBucket(text); below != "" {
		return below
	}
	text = dates.ReplaceAllString(address.ReplaceAllString(text, " "), " ")
	if at := likeID.FindString(text); at != "" {
		return at
	}
	if at := likePath.FindStringSubmatch(text); at != nil {
		return at[1]
	}
	if said := saidOfLocks(text); said != "" {
		return said
	}
	if strings.ContainsFunc(text, func(r rune) bool {
		return r != '\x01' && r != '\t' && r != '\n' && (!unicode.IsPrint(r) || unicode.Is(unicode.M, r))
	}) {
		return strings.TrimSpace(text)
	}
	return ""
}

// withoutOwn gives a text without the ID and the paths of this lock.
func (m Meant) withoutOwn(text string) string {
	var b strings.Builder
	last := 0
	for _, at := range m.owns(text) {
		if at[0] >= last {
			b.WriteString(text[last:at[0]] + " ")
			last = at[1]
		}
	}
	return b.String() + text[last:]
}

// saidOfLocks gives the first words in a text that are about locks, also behind escapes.
func saidOfLocks(text string) string {
	for {
		for _, word := range oneWord.FindAllString(text, -1) {
			if isLockWord(word) || isTalk(word) {
				return after(text, word)
			}
		}
		next := escapes.Replace(text)
		if next == text {
			return ""
		}
		text = next
	}
}

// belowBucket gives what names a state in a bucket that is watched.
func (m Meant) belowBucket(text string) string {
	lower := strings.ToLower(text)
	for _, bucket := range m.Buckets {
		at := strings.Index(lower, strings.ToLower(bucket)+"/")
		if at < 0 || at > 0 && (isAlnum(lower[at-1]) || lower[at-1] == '-' || lower[at-1] == '.') || at+len(bucket) > len(text) {
			continue
		}
		word, _ := word(lower[at:])
		if len(word) > len(bucket)+1 {
			return word
		}
	}
	return ""
}
