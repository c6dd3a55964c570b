package tflock

import (
	"regexp"
	"strings"
	"unicode"
)

// A text that names one lock may show people another one: in a form that nobody reads here, with
// an ID that no client makes, beside a hidden part that names the lock that counts. What follows
// finds such IDs by what is around them, and whether a lock that is held has one of them.

// Words are the words of a text that names a lock which may be the ID of another one.
type Words struct {
	of     string // the lock that the text names
	all    map[string]bool
	others bool
}

// WordsOf gives those of a text that names the lock with that ID.
func WordsOf(text, id string) Words {
	w := Words{of: fold(id), all: map[string]bool{}}
	folded := fold(text)
	for _, at := range longWord.FindAllStringIndex(folded, -1) {
		if isPartOfPath(folded, at[0], at[1]) || ofOthers.MatchString(folded[max(0, at[0]-near):at[0]]) {
			continue
		}
		for one := range mayBeIDs(folded[at[0]:at[1]]) {
			if !strings.Contains(w.of, one) {
				w.all[one] = true
			}
		}
	}
	for _, other := range OtherIDs(text, id) { // also within longer words
		w.all[other], w.others = true, true
	}
	return w
}

// Any says whether there is any.
func (w Words) Any() bool { return len(w.all) > 0 }

// Others says whether one of them has the shape of a client's ID.
func (w Words) Others() bool { return w.others }

// Show says whether people may have read this ID of a lock in the text: it, or a word of it, is in
// the text. The ID of the lock that the text names is none.
func (w Words) Show(id string) bool {
	id = fold(id[:min(len(id), maxIDLength)])
	if trimWord(id) == w.of {
		return false
	}
	for _, part := range longWord.FindAllString(id, -1) {
		for one := range mayBeIDs(part) {
			if w.all[one] {
				return true
			}
		}
	}
	return false
}

// fold gives a text as people see it: without what is invisible, in lower case, with one kind of dash.
func fold(text string) string {
	var b strings.Builder
	for _, c := range visible(text) {
		switch {
		case unicode.Is(unicode.Pd, c.r):
			b.WriteByte('-')
		default:
			b.WriteRune(unicode.ToLower(c.r))
		}
	}
	return b.String()
}

// longWord finds what may be an ID, in a folded text. A shorter one may be a part of anything.
var longWord = regexp.MustCompile(`[\pL\pN_.-]{12,}`)

// number is a time or a number.
var number = regexp.MustCompile(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9.]*$)`)

// mayBeIDs gives what in a word may be an ID: it has a digit, or three dashes. The first letter may
// be that of an escape such as \n.
func mayBeIDs(word string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		word = trimWord(word)
		if (!strings.ContainsFunc(word, unicode.IsDigit) && strings.Count(word, "-") < 3) || number.MatchString(word) {
			return
		}
		if !yield(word) || strings.IndexByte("nrt", word[0]) < 0 {
			return
		}
		yield(word[1:])
	}
}

func trimWord(word string) string { return strings.Trim(word, "-_.: ") }

// named finds what stands where people look for the ID of a lock.
var named = regexp.MustCompile(`(?m)(?:lock(?: info)?[^\pL\pN\n]{0,4}\n?[^\pL\pN\n]{0,12}id|^[^\pL\pN\n]*id|force-unlock(?: +-\S+)*)[^\pL\pN\n]{1,12}([\pL\pN][\pL\pN_.-]{5,})`)

// shaped finds what looks like a client's ID to a reader who does not count.
var shaped = regexp.MustCompile(`[\pL\pN]{6,10}-[\pL\pN]{3,5}-[\pL\pN]{3,5}-[\pL\pN]{3,5}-[\pL\pN]{10,14}`)

// ofOthers finds, before an ID, what it is if it is not that of a lock: a request's, or the value of a flag.
var ofOthers = regexp.MustCompile(`(?:request|trace|span|correlation|invocation|session|build|job|run|host|account|user|tenant|client|project|workspace|resource|execution|event|message)[^\pL\pN]{0,3}(?:id)?[^\pL\pN]{1,8}$|--[\pL-]+[ =]$`)

// ShownOther gives the ID of another lock than the one with that ID, which the text names, where the
// text shows people one; else nothing. It may be what a holder wrote into its own fields.
func ShownOther(text, id string) string {
	text, id = fold(text), fold(id)
	for _, at := range named.FindAllStringSubmatchIndex(text, -1) {
		word := trimWord(text[at[2]:at[3]])
		if (strings.ContainsFunc(word, unicode.IsDigit) || strings.Count(word, "-") >= 2) && !strings.Contains(id, word) && !strings.Contains(word, id) && !isPartOfPath(text, at[2], at[3]) {
			return word
		}
	}
	for _, at := range shaped.FindAllStringIndex(text, -1) {
		if word := text[at[0]:at[1]]; word != id && !isPartOfPath(text, at[0], at[1]) && nearLock(text, at[0], at[1]) {
			return word
		}
	}
	return ""
}

// joins are the characters that make a word a part of a path, of a name such as user@host, or of base64.
const joins = "/@+"

// isPartOfPath says that a word is a part of something longer.
func isPartOfPath(text string, from, to int) bool {
	return from > 0 && strings.IndexByte(joins, text[from-1]) >= 0 || to < len(text) && strings.IndexByte(joins, text[to]) >= 0
}

// near is how many bytes around an ID say what it is.
const near = 60

// nearLock says that the line of a word has "lock" near it, and that nothing before the word says
// that it is of something else.
func nearLock(text string, from, to int) bool {
	before, behind := text[max(0, from-near):from], text[to:min(len(text), to+near)]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	behind, _, _ = strings.Cut(behind, "\n")
	return (strings.Contains(before, "lock") || strings.Contains(behind, "lock")) && !ofOthers.MatchString(before)
}

// OtherPath gives a path in a text, below one of these buckets, that is none of these; else nothing. A
// beginning of one of them is the same: terminals wrap, and chats clip. What is masked is no path here.
func OtherPath(text string, buckets []string, paths ...string) string {
	text = fold(text)
	for i, path := range paths {
		paths[i] = fold(path)
	}
	for _, bucket := range buckets {
		bucket = fold(bucket) + "/"
		for shown := range pathsBelow(text, bucket) {
			if len(shown) > len(bucket) && !isMasked(shown) && !anyBegins(paths, shown) {
				return shown
			}
		}
	}
	return ""
}

// pathsBelow gives the paths in a text that begin with a bucket's name and a slash.
func pathsBelow(text, bucket string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at := 0; ; {
			i := strings.Index(text[at:], bucket)
			if i < 0 {
				return
			}
			from := at + i
			at = from + len(bucket)
			if from > 0 && inBucketName(text[from-1]) {
				continue
			}
			shown := text[from:]
			if end := strings.IndexFunc(shown, endsPath); end >= 0 {
				shown = shown[:end]
			}
			if !yield(stateName(strings.TrimRight(shown, ".:,;"))) {
				return
			}
		}
	}
}

// inBucketName says that a character may be one of a bucket's name, so that the name goes on to the left.
func inBucketName(c byte) bool { return isAlnum(c) || c == '-' || c == '.' }

// endsPath says that a path in a text ends there.
func endsPath(r rune) bool {
	return r <= ' ' || isWideSpace(r) || strings.ContainsRune("\"'`<>()[]{}|│\\,;?&%“”‘’", r)
}

func anyBegins(paths []string, with string) bool {
	for _, path := range paths {
		if strings.HasPrefix(path, with) {
			return true
		}
	}
	return false
}
