package tflock

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// uuidLength is how many characters the IDs have that clients make.
const uuidLength = 36

// maxOthers bounds the other IDs of a text: an error of a client has a handful of request IDs.
const maxOthers = 1000

// OtherIDs gives whatever else in a text that names a lock has the shape of a client's ID (a
// UUID), in lower case. Such a word may be anything, so it names no lock; but it may be the one
// that people read in the text, while a hidden or a malformed part made the other one count.
// Whoever finds a lock of such an ID held does not know which one is meant.
func OtherIDs(text, id string) []string {
	others, _ := otherIDs(text, id) // ParseReference has refused a text with an error
	return others
}

// otherIDs fails where such a word is not plain as it is: with an invisible character within, or
// a letter that only looks like one of a UUID's. Such a word is read by people alone.
func otherIDs(text, id string) (others []string, err error) {
	known := map[string]bool{strings.ToLower(id): true}
	seen := visible(text)
	for at := 0; at+uuidLength <= len(seen); at++ {
		window := seen[at : at+uuidLength]
		plain, shaped := uuidShape(window)
		if !shaped {
			continue
		}
		word := strings.ToLower(string(runesOf(window)))
		switch whole := window[0].hidden == window[uuidLength-1].hidden; {
		case plain && known[word]:
		case !plain || !whole:
			return nil, fmt.Errorf("%w: %s in the text is not the ID that it looks like, because characters in it are invisible or look like others; give the one ID that is meant", ErrNoPlainID, quote(word))
		case len(others) == maxOthers:
			return nil, fmt.Errorf("%w: it has more than %d words that look like IDs; %s", ErrTwoLocks, maxOthers, howTo)
		default:
			known[word] = true
			others = append(others, word)
		}
	}
	return others, nil
}

// character is what a reader sees of a text, and how many invisible ones come before it.
type character struct {
	r      rune
	hidden int
}

// visible leaves out what no reader sees: a terminal's codes, and characters without a shape.
func visible(text string) []character {
	var all []character
	hidden := 0
	for i := 0; i < len(text); {
		if text[i] == 0x1b {
			i += terminalCode(text[i:])
			hidden++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if unicode.Is(unicode.Cf, r) {
			hidden++
			continue
		}
		all = append(all, character{r, hidden})
	}
	return all
}

func runesOf(window []character) []rune {
	runes := make([]rune, len(window))
	for i, c := range window {
		runes[i] = c.r
	}
	return runes
}

// uuidShape says whether 36 characters have the shape of a UUID to a reader, and whether they
// are one.
func uuidShape(window []character) (plain, shaped bool) {
	plain = true
	for i, c := range window {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		switch {
		case dash && c.r == '-', !dash && isHexDigit(c.r):
		case dash && unicode.Is(unicode.Pd, c.r), !dash && c.r > unicode.MaxASCII && (unicode.IsLetter(c.r) || unicode.IsDigit(c.r)):
			plain = false
		default:
			return false, false
		}
	}
	return plain, true
}

func isHexDigit(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F'
}
