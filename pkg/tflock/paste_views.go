package tflock

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds texts inside strings inside texts: a client's error in a log line in
// an SNS message in an SQS record is four.
const maxDepth = 8

// reader reads one paste. Texts are nested in texts, and each has several views, so
// what it reads in all is bounded.
type reader struct{ budget int }

// dearest is what the reading of a view or a value takes, however short it is.
const dearest = 64

func newReader(text string) *reader {
	const times, atLeast = 40, 64 << 10
	return &reader{times*len(text) + atLeast}
}

// spent reports whether not all of the paste was read. What was found is then worth nothing.
func (r *reader) spent() bool { return r.budget < 0 }

// document reads a text by the first of its views in which it names a lock.
func (r *reader) document(text string, depth int) reading {
	var all reading
	exact := true
	for view := range views(text) {
		if r.budget -= len(view) + dearest; r.spent() {
			break
		}
		found := r.view(view, depth, exact)
		exact = false
		all.merge(found)
		all.open = found.open
		if all.refused != nil || len(all.mentions) > 0 && !all.open && !veiled(view) {
			break
		}
	}
	return all
}

func (r *reader) view(view string, depth int, exact bool) reading {
	rest, found := r.json(view, depth, exact)
	blocks, before := readBlocks(rest, exact)
	found.merge(blocks)
	found.merge(readLines(before, exact, len(before) == len(rest)))
	found.merge(readLabels(before))
	found.merge(readCommands(rest))
	return found
}

// views returns a text as it is, and then with more and more of what others wrapped it in
// taken off. A step that changes nothing is left out. Nothing that is taken off inside a
// line joins what stood before and after it, so that no ID comes into being by it.
//
//  1. The line ends of Windows, and in a text without newlines those of any kind, are
//     newlines; nothing else is changed.
//  2. Unicode blanks, invisible characters, control characters, and the codes of
//     terminals are blanks.
//  3. So are such codes that lost their escape character ("[31m").
//  4. Escaped newlines (\n, %0A, #012, ␤) and quotes; four times at most.
//  5. In place of 4, HTML's tags and entities, in one pass; once more, for what was
//     escaped twice; then 4 as well.
func views(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		text = newlines(text)
		if !yield(text) {
			return
		}
		text, ok := apply(text, yield, blankInvisible, blankLostCodes)
		if !ok {
			return
		}
		if _, ok := apply(text, yield, unescape, unescape, unescape, unescape); ok {
			apply(text, yield, unHTML, unHTML, unescape, unescape)
		}
	}
}

// apply yields a text after each step that changes it. ok is false where no more is
// wanted.
func apply(text string, yield func(string) bool, steps ...func(string) string) (after string, ok bool) {
	for _, step := range steps {
		next := step(text)
		if next == text {
			continue
		}
		if text = next; !yield(text) {
			return text, false
		}
	}
	return text, true
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// newlines makes newlines of what ends the lines of a text. In one that has newlines
// nothing else does.
func newlines(text string) string {
	if strings.Contains(text, "\n") {
		return strings.ReplaceAll(text, "\r\n", "\n")
	}
	return lineEnds.Replace(text)
}

// blankInvisible makes blanks of all that shows as one, or as nothing.
func blankInvisible(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == 0x1b:
			b.WriteByte(' ')
			size = terminalCode(text[i:])
		case r == '\n':
			b.WriteByte('\n')
		case isWideSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			b.WriteByte(' ')
		default:
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

func isWideSpace(r rune) bool { return r > 0x7f && (unicode.IsSpace(r) || r == 0x2800 || r == 0x3164) }

// terminalCode is the length of the code that begins with the escape character: CSI
// (colours), OSC (titles and links), or two characters.
func terminalCode(text string) int {
	if len(text) < 2 {
		return len(text)
	}
	switch text[1] {
	case '[':
		return colourCode(text)
	case ']':
		return titleCode(text)
	}
	return 1
}

// colourCode is the length of a CSI: it ends with a letter or the like.
func colourCode(text string) int {
	for i := 2; i < len(text); i++ {
		switch c := text[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x7e:
			return i
		}
	}
	return len(text)
}

// titleCode is the length of an OSC: it ends with a bell, or before the next code.
func titleCode(text string) int {
	const longest = 4096
	at := strings.IndexAny(text[2:min(len(text), longest)], "\a\x1b\n")
	switch {
	case at < 0:
		return 1
	case text[2+at] == '\a':
		return 2 + at + 1
	default:
		return 2 + at
	}
}

// blankLostCodes makes blanks of "[31m" and "[0;1m".
func blankLostCodes(text string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '[')
		if open < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := open + 1
		for end < len(text) && end < open+16 && (isDigit(text[end]) || text[end] == ';') {
			end++
		}
		b.WriteString(text[:open])
		if end < len(text) && (text[end] == 'm' || text[end] == 'K') {
			b.WriteByte(' ')
			end++
		} else {
			b.WriteString(text[open:end])
		}
		text = text[end:]
	}
}

// lineTags are the tags that begin or end a line.
const lineTags = " br p div tr li pre ul ol table summary details h1 h2 h3 h4 blockquote "

// unHTML makes newlines and blanks of tags, and characters of entities. What comes out of
// an entity is not read again, and is never a character that could be a plain ID's.
func unHTML(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		window := text[i:min(len(text), i+300)]
		switch text[i] {
		case '<':
			if to, n := tag(window); n > 0 {
				b.WriteByte(to)
				i += n - 1
				continue
			}
		case '&':
			if to, n := entity(window); n > 0 {
				b.WriteString(to)
				i += n - 1
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func tag(text string) (to byte, length int) {
	end := strings.IndexByte(text, '>')
	name := strings.TrimPrefix(text[1:max(end, 1)], "/")
	if end < 0 || name == "" || !isLetter(name[0]) || strings.ContainsAny(name, "\n<") {
		return 0, 0
	}
	word := strings.ToLower(strings.TrimRight(strings.Fields(name)[0], "/"))
	if strings.Contains(lineTags, " "+word+" ") {
		return '\n', end + 1
	}
	return ' ', end + 1
}

// namedEntity is what an entity of that name stands for.
func namedEntity(name string) string {
	switch name {
	case "nbsp", "ensp", "emsp", "thinsp", "Tab":
		return " "
	case "NewLine":
		return "\n"
	case "quot":
		return `"`
	case "apos", "lsquo", "rsquo":
		return "'"
	case "ldquo", "rdquo":
		return `"`
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "amp":
		return "&"
	case "boxv":
		return "│"
	}
	return ""
}

func entity(text string) (to string, length int) {
	const longest = 10
	end := strings.IndexByte(text[:min(len(text), longest)], ';')
	if end < 2 {
		return "", 0
	}
	name := text[1:end]
	if to := namedEntity(name); to != "" {
		return to, end + 1
	}
	if name[0] != '#' {
		return "", 0
	}
	digits, base := name[1:], 10
	if digits != "" && digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if err != nil || n < 0x80 && isPlainByte(byte(n)) {
		return "", 0
	}
	if r := rune(n); !isWideSpace(r) {
		return lineEnds.Replace(string(r)), end + 1
	}
	return " ", end + 1
}

// escapes are how loggers write what would end a line or a string. Those of JSON and Go
// come first.
var escapes = strings.NewReplacer(
	`\\`, `\`, `\r\n`, "\n", `\n`, "\n", `\r`, "\n", `\t`, " ", `\"`, `"`, `\/`, "/",
	`\u000a`, "\n", `\u000A`, "\n", `\x0a`, "\n", `\x0A`, "\n", `\012`, "\n", `\u000d`, "\n",
	`\u00a0`, " ", `\u00A0`, " ", `\xa0`, " ", `\u2502`, "│", `\u001b`, "\x1b", `\u001B`, "\x1b", `\x1b`, "\x1b", `\x1B`, "\x1b", `\033`, "\x1b", `\e[`, "\x1b[",
	`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\u0027`, "'", `\u0022`, `"`,
	"%0D%0A", "\n", "%0d%0a", "\n", "%0A", "\n", "%0a", "\n", "%0D", "\n", "%0d", "\n", "%25", "%",
	"#015#012", "\n", "#012", "\n", "#033", "\x1b", "#011", " ", "^M", "\n", "␊", "\n", "␤", "\n", "↵", "\n", "⏎", "\n",
)

func unescape(text string) string {
	return blankLostCodes(blankInvisible(newlines(escapes.Replace(text))))
}
