package tflock

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// skeleton is a text without what does not count, and where each character stands.
type skeleton struct {
	*page
	bones []rune
	at    []int // the byte of each; one more for the end of the text
	steps int   // how many ends of values are still tried; a hostile text has very many values in each other
}

func (p *page) skeleton() skeleton {
	s := skeleton{page: p, steps: stepsOf(p.text)}
	for i, r := range p.text {
		if counts(r) {
			s.bones, s.at = append(s.bones, unicode.ToLower(r)), append(s.at, i)
		}
	}
	s.at = append(s.at, len(p.text))
	return s
}

func stepsOf(text string) int { return 100_000 + 20*len(text) }

// coverPhrases covers the best phrase at each word, of those that a text of this kind has. other is what a value in one shows.
func (p *page) coverPhrases(kind textKind) (other string) {
	s := p.skeleton()
	for i := 0; i+1 < len(s.bones); i++ {
		if !s.isStart(i) {
			continue
		}
		best := s.best(i, kind)
		if best.other != "" {
			return best.other
		}
		if best.to > 0 {
			end := s.index(best.to, i)
			p.note(best, kind, value{label: best.phrase.label(), text: strings.Join(strings.Fields(s.text[s.at[i]:best.to]), " "), from: s.at[i], to: best.to, once: best.phrase.isField()})
			i = max(i, end-1)
		}
	}
	if s.steps <= 0 {
		return s.text[:min(len(s.text), 80)]
	}
	return p.outside()
}

// note covers a phrase, and keeps what it shows.
func (p *page) note(f found, kind textKind, v value) {
	p.cover(v.from, v.to)
	text := p.text[v.from:v.to]
	if f.phrase.isFree() {
		p.named, p.free = text, append(p.free, v)
	}
	ofAlert := kind == alertText && !strings.HasPrefix(text, "Path") // a client's label: our commands write "path"
	f.path = f.path && (ofAlert || p.seen.blockHas(f.shown))
	p.showsPath = p.showsPath || f.path
	switch {
	case f.path || !f.phrase.has(ownPath):
	case len(f.phrase.parts) == 2:
		p.clipped = text
	default:
		p.part = text
	}
	if f.phrase.in == kind {
		p.saysPath, p.saysID = p.saysPath || f.path, p.saysID || f.phrase.has(ownID)
	}
}

// best is the best phrase that begins with a character; its end is -1 where there is none.
func (s *skeleton) best(i int, kind textKind) found {
	best := found{to: -1}
	for _, one := range phrases()[string(s.bones[i:i+2])] {
		if one.in&kind == 0 {
			continue
		}
		if f, ok := s.match(one.parts, i, s.at[i]); ok && f.betterThan(best) && !s.isJoined(i, f.to) {
			best = f
			best.phrase = one
		}
	}
	return best
}

// found is a phrase in a text: where it ends, and what it shows.
type found struct {
	to     int
	other  string
	path   bool   // it shows the path of this lock's state in sight, maybe with its bucket masked
	shown  string // the path as it stands there
	phrase phrase
}

// betterThan prefers the longer phrase, and first of all one whose values show nothing.
func (f found) betterThan(other found) bool {
	if clean := f.other == ""; other.to >= 0 && clean != (other.other == "") {
		return clean
	}
	return f.to > other.to
}

// isJoined reports whether a phrase is a part of a longer word: an ID or a path can be made of clients' words.
func (s *skeleton) isJoined(i, to int) bool {
	const joins = "-_/.@+"
	before := strings.TrimRight(s.text[:s.at[i]], joins)
	behind := strings.TrimLeft(s.text[to:], joins)
	return before != "" && len(before) < s.at[i] && isAlnum(before[len(before)-1]) || behind != "" && len(behind) < len(s.text)-to && isAlnum(behind[0])
}

func (s *skeleton) isStart(i int) bool {
	at := s.at[i]
	return at == 0 || !isAlnum(s.text[at-1])
}

// index is the first character that counts at or behind a byte of the text.
func (s *skeleton) index(at, from int) int {
	for from < len(s.bones) && s.at[from] < at {
		from++
	}
	return from
}

// match matches the parts of a phrase from a character on; behind is the byte where the part before
// has ended.
func (s *skeleton) match(p []part, i, behind int) (found, bool) {
	if len(p) == 0 {
		return found{to: behind}, behind >= len(s.text) || !isAlnum(s.text[behind]) || !isAlnum(s.text[behind-1])
	}
	switch p[0].kind {
	case literal:
		return s.matchLiteral(p, i, behind)
	case ownID:
		at := s.at[i]
		if !strings.HasPrefix(s.text[at:], s.ID) || !ends(s.text, at+len(s.ID)) {
			return found{}, false
		}
		return s.then(p, i, at+len(s.ID))
	case ownPath:
		to, shown := s.ownPathAt(behind)
		if to < 0 {
			return found{}, false
		}
		f, ok := s.then(p, i, to)
		if shown != "" {
			f.path, f.shown = true, shown
		}
		return f, ok
	case aShape:
		return s.matchShape(p, i)
	case lineEnd:
		rest, _, _ := strings.Cut(s.text[behind:], "\n")
		return found{to: behind}, !strings.ContainsFunc(rest, counts)
	default:
		return s.matchValue(p, i, behind)
	}
}

func (s *skeleton) matchLiteral(p []part, i, behind int) (found, bool) {
	end := i + len(p[0].literal)
	if end > len(s.bones) || !slices.Equal(s.bones[i:end], p[0].literal) || s.splits(i, p[0], len(p) > 1 && p[1].kind == ownPath) {
		return found{}, false
	}
	if apart := s.text[min(behind, s.at[i]):s.at[i]]; apart != "" && (p[0].signs[0] > 0 && signs(apart) == 0 || isWide(apart)) { // as values of JSON
		return found{}, false
	}
	if len(p) > 1 && p[1].colon && p[1].isFree() && s.breaksLabel(i, end) {
		return found{}, false
	}
	last := s.at[end-1]
	_, size := utf8.DecodeRuneInString(s.text[last:])
	return s.match(p[1:], end, last+size)
}

func (s *skeleton) matchShape(p []part, i int) (found, bool) {
	to := s.wordAt(i)
	if to < 0 || !s.hasShape(s.text[s.at[i]:to], p[0].mark) {
		return found{}, false
	}
	return s.then(p, i, to)
}

// splits reports whether a word of a phrase has marks in it, or that there are many between two words, in which letters can be
// drawn. A line's end a word may have: terminals wrap anywhere.
func (s *skeleton) splits(i int, p part, table bool) bool {
	for k := 1; k < len(p.begins); k++ {
		between := s.between(i+k-1, i+k)
		if !p.begins[k] && between != "" && between != "\n" || signs(between) > p.signs[k]+manySigns || !table && isWide(between) {
			return true
		}
	}
	return false
}

// manyBlanksBetween are more columns than a label and its value have between them.
const manyBlanksBetween = 24

// isWide reports whether a terminal may break a line there: only the columns of a table have so many blanks.
func isWide(between string) bool {
	return width(between) > manyBlanksBetween && !strings.Contains(between, "\n")
}

// breaksLabel reports whether a label ends in the line behind that of its name: what is there looks like a label of its own,
// as the "ID:" of "Request\nID:" does.
func (s *skeleton) breaksLabel(i, end int) bool {
	const label, longest = len("RequestID"), len("Request ID") + 8 // with a few blanks: a terminal breaks a longer line
	text := s.text[s.at[max(i, end-label)]:s.at[end-1]]
	return strings.Contains(text, "\n") || len(text) > longest
}

func (s *skeleton) between(one, other int) string {
	return s.text[s.at[one]+utf8.RuneLen(s.bones[one]) : s.at[other]]
}

func (s *skeleton) then(p []part, i, to int) (found, bool) { return s.match(p[1:], s.index(to, i), to) }

// longestValue bounds a value in a phrase that goes on behind it.
const longestValue = 300

// blockLabel is what follows a field in a block that was joined to one line.
var blockLabel = lazily(`[ \t|,;](?:(?:Path|Operation|Who|Version|Created|Info):|(?:Terraform|OpenTofu) acquires a state lock)`)

func (s *skeleton) matchValue(p []part, i, behind int) (found, bool) {
	if len(p) == 1 {
		return s.lastValue(p[0], behind)
	}
	for j := i; j < len(s.bones) && s.at[j]-behind <= longestValue && s.steps > 0; j++ {
		s.steps--
		from, ok := s.valueEnds(p[1], i, j)
		if !ok {
			continue
		}
		if strings.Count(s.text[behind:from], "\n") > 2 {
			break
		}
		if f, ok := s.match(p[1:], j, from); ok {
			if f.other == "" {
				f.other = s.value(s.text[behind:from], p[0].mark)
			}
			return f, true
		}
	}
	return found{}, false
}

// valueEnds reports whether a value can end before a character, and where: a path behind it is a word of its own.
func (s *skeleton) valueEnds(next part, i, j int) (int, bool) {
	if next.kind != ownPath || j == i {
		return s.at[j], next.kind == ownPath || s.isStart(j)
	}
	from := s.at[j-1] + utf8.RuneLen(s.bones[j-1])
	return from, strings.ContainsAny(s.text[from:s.at[j]], " \t\n`")
}

// holder is what follows a path in our subjects: who holds the lock, and what is known of its run.
var holder = lazily(`^[ \t]*(?:\(.{0,120}, (?:its )?run [a-z ]{3,30}\))?[ \t]*$`)

// lastValue is a value up to the end of its line, or to the next label: of the line of a label with a colon,
// and of the line behind a label without one, which is then alone in its line.
func (s *skeleton) lastValue(p part, behind int) (found, bool) {
	const marks = " \t*\"'`"
	rest := strings.TrimLeft(s.text[behind:], marks)
	if p.colon && !strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "=") {
		return found{}, false
	}
	from := len(s.text) - len(rest)
	if !p.colon && !p.goesOn {
		if !strings.HasPrefix(rest, "\n") {
			return found{}, false
		}
		from++
	}
	to := len(s.text)
	if end := strings.IndexByte(s.text[from:], '\n'); end >= 0 {
		to = from + end
	}
	if at := blockLabel.FindStringIndex(s.text[from:to]); at != nil {
		to = from + at[0]
	}
	if p.goesOn && p.mark == "*" && !holder.MatchString(s.text[from:to]) {
		return found{}, false
	}
	return found{to: to, other: s.value(s.text[from:to], p.mark)}, true
}

// wordAt is where a word ends that begins there.
func (s *skeleton) wordAt(i int) int {
	if i >= len(s.bones) {
		return -1
	}
	from := s.at[i]
	const longest = 2000
	end := strings.IndexFunc(s.text[from:min(len(s.text), from+longest)], func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || strings.ContainsRune("\"'`,;()<>|", r) })
	switch {
	case end < 0 && len(s.text)-from > longest:
		return -1
	case end < 0:
		end = len(s.text) - from
	}
	word := strings.TrimRight(s.text[from:from+end], ".:")
	if word == "" {
		return -1
	}
	return from + len(word)
}
