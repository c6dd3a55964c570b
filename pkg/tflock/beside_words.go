package tflock

import (
	"slices"
	"strings"
)

// Times that there can be: an ID could be written in others.
const (
	date   = `20[0-9]{2}[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12][0-9]|3[01])`
	clock  = `(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?`
	zone   = `(?:Z|UTC|[+-][01][0-9]:?[0-5][0-9])?`
	timeOf = `(?:` + date + `(?:(?:T|UTC)` + clock + zone + `)?|` + clock + zone + `)`
)

var (
	// harmless is what nobody reads as an ID: numbers, versions, times, lengths.
	harmless = lazily(`^(?:[0-9]{1,4}[%.]?|v?[0-9]{1,3}(?:\.[0-9]{1,4}){1,3}(?:-(?:dev|(?:rc|alpha|beta)[0-9]*))?|[+-][0-9]{4}|` + timeOf + `|(?:[0-9]{1,4}(?:ms|[smhd])){1,4}|UTC)$`)
	aTime    = lazily(`^` + timeOf + `$`)
	// marks are what stands alone.
	marks = lazily(`^[-–—#&$~+/\\%:@.^_\x{2500}-\x{257f}]+$`)
)

// lockWords begin what is said of a lock or of where one is, folded.
var lockWords = folded(
	"lock", "unlock", "id", "ids", "uuid", "identifier", "path", "paths", "state", "states", "statefile", "tfstate", "bucket", "buckets", "key", "keys", "table", "row", "stack", "workspace",
)

func folded(words ...string) []string {
	for i, word := range words {
		words[i] = fold(word)
	}
	return words
}

func isTalk(word string) bool { return slices.Contains(talk, fold(word)) }

// fold makes one character of those that look alike.
func fold(word string) string { return lookAlike.Replace(strings.ToLower(word)) }

var lookAlike = strings.NewReplacer("i", "l", "1", "l", "|", "l", "0", "o")

// talk is what people say of locks.
var talk = folded("release", "releases", "released", "releasing", "held", "stuck")

func isLockWord(word string) bool {
	word = fold(word)
	for _, one := range lockWords {
		if word == one || len(one) > 3 && one[len(one)-1] == 'k' && strings.HasPrefix(word, one) && !strings.HasPrefix(word, fold("lockwarden")) {
			return true
		}
	}
	return false
}
