package tflock

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// phraseList is what clients, CI systems and we ourselves print about one lock, a phrase a line.
//
//go:embed phrases.txt
var phraseList string

// A phrase is a row of parts. Blanks and line ends do not count between its words, since everything that carries a text
// wraps it elsewhere.
type phrase struct {
	parts []part
	in    textKind // the texts that have it
}

// textKind is what a text is that names a lock; several together where something is in texts of several kinds.
type textKind int

const (
	commandText textKind = 1 << iota
	clientText
	alertText
)

// sections are the parts of phrases.txt.
var sections = map[string]textKind{"# command": commandText | clientText | alertText, "# client": clientText, "# alert": alertText, "# around": clientText | alertText}

type part struct {
	kind    partKind
	mark    string // as phrases.txt has it
	literal []rune
	begins  []bool // which of its characters begin a word
	signs   []int  // how many signs are before each
	colon   bool   // it is a value behind a colon, and not in the next line
	goesOn  bool   // it is a value that goes on behind a path
}

type partKind int

const (
	literal partKind = iota
	ownID            // <id>: the ID of the lock that is meant
	ownPath          // <path>: the path of its state, maybe masked, clipped or wrapped
	aShape           // <name> and others: one word of a shape
	aValue           // *: anything that says nothing of another lock
	lineEnd          // <end>
)

var partMark = lazily(`<[a-z]+\+?>|\*`)

var kinds = map[string]partKind{"<id>": ownID, "<path>": ownPath, "*": aValue, "<who>": aValue, "<url>": aValue, "<end>": lineEnd}

func partOf(mark string) part {
	kind, known := kinds[mark]
	if !known {
		kind = aShape
		if shapes[mark] == nil && mark != "<dir>" && mark != "<name>" {
			panic(mark + " in phrases.txt")
		}
	}
	return part{kind: kind, mark: mark}
}

// phrases are all of them, by the first two characters, read when they are first needed.
var phrases = sync.OnceValue(func() map[string][]phrase {
	all := map[string][]phrase{}
	var in textKind
	for line := range strings.Lines(phraseList) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		if of, ok := sections[line]; ok {
			in = of
			continue
		}
		parts := partsOf(line)
		first := string(parts[0].literal[:2])
		all[first] = append(all[first], phrase{parts, in})
	}
	return all
})

func partsOf(line string) (parts []part) {
	for line != "" {
		at := partMark.FindStringIndex(line)
		if at == nil {
			at = []int{len(line), len(line)}
		}
		if one := bones(line[:at[0]]); len(one.literal) > 0 {
			parts = append(parts, one)
		}
		if at[0] < at[1] {
			one := partOf(line[at[0]:at[1]])
			one.colon = strings.HasSuffix(strings.TrimRight(line[:at[0]], " "), ":")
			one.goesOn = len(parts) > 0 && parts[len(parts)-1].kind == ownPath || one.mark == "<who>" && len(parts) > 2
			parts = append(parts, one)
		}
		line = line[at[1]:]
	}
	return parts
}

// bones are the characters of a text that count in a phrase.
func bones(text string) (p part) {
	from := 0
	for i, r := range text {
		if counts(r) {
			p.literal, p.begins, p.signs = append(p.literal, unicode.ToLower(r)), append(p.begins, from < i || i == 0), append(p.signs, signs(text[from:i]))
			from = i + utf8.RuneLen(r)
		}
	}
	return p
}

// counts leaves out blanks and marks. A character that a reader may not see counts.
func counts(r rune) bool {
	return r > ' ' && r <= unicode.MaxASCII && isAlnum(byte(r)) || r > unicode.MaxASCII && !isFrame(r) && !strings.ContainsRune("“”‘’«»…•·–—", r) ||
		r <= ' ' && r != ' ' && r != '\n' && r != '\t'
}
