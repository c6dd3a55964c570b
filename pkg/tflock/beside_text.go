package tflock

import (
	"iter"
	"strings"
)

// maxStages bounds how often a text is unwrapped.
const maxStages = 10

// stages returns a text as it is, and then with more and more of what wraps it taken off: JSON, with
// the names and values of its members as lines, escapes, codes of terminals, HTML. Whatever is taken
// off leaves a blank or a line's end, so that no step joins words or hides one.
func stages(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		text = strings.TrimPrefix(strings.ToValidUTF8(text, "\uFFFD"), "\uFEFF")
		text = wideSpaces(newlines(grey.ReplaceAllString(erased.ReplaceAllString(text, "$1 "), "$1 ")))
		limit := 2*len(text) + 4<<10
		for range maxStages {
			if !yield(text) {
				return
			}
			next := unfolded(text)
			if next == text {
				next = wideSpaces(newlines(plainTags(escapes.Replace(colours.ReplaceAllString(text, " ")))))
			}
			if next == text || len(next) > limit {
				return
			}
			text = next
		}
	}
}

// wideSpaces makes blanks of those. A word joiner, which our messages have behind an @, is left out: a
// reader sees its word without it.
func wideSpaces(text string) string {
	const wordJoiner = '\u2060'
	return strings.Map(func(r rune) rune {
		switch {
		case r == wordJoiner:
			return -1
		case r == '\u0085' || r == '\u2028' || r == '\u2029': // some programs end a line there
			return '\n'
		case isWideSpace(r):
			return ' '
		}
		return r
	}, text)
}

// grey are times in that colour. Nothing else is free to have it, since some terminals show it as their background.
var grey = lazily(`\x1b\[0;90m(` + clock + `)\x1b\[0m`)

// colours are codes that hide nothing, also without their escape character: no background, no black, grey or white, nothing
// that erases what is before it.
var colours = lazily(`\x1b\[(?:(?:0?[0134]?|2[2-4]|3[1-69])(?:;(?:0?[0134]?|2[2-4]|3[1-69])){0,3}m|0?K)|\[(?:(?:[0-9]|[349][0-7]|[12][0-9]|10[0-7])(?:;(?:[0-9]|[349][0-7]|[12][0-9]|10[0-7])){0,3}|0?;)?[mK]`)

// knownTags have no words in them.
var knownTags = lazily(`(?i)</?(br|p|div|span|pre|code|ul|ol|li|table|tbody|thead|tr|td|th|summary|details|b|i|em|strong|blockquote|h[1-6])(?: (?:class|dir)="(?:line|ltr|rtl|auto|log|code|pre|highlight)")? ?/?>`)

// plainTags makes newlines and blanks of tags without words, and characters of entities.
func plainTags(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	text = knownTags.ReplaceAllStringFunc(text, func(tag string) string {
		name := strings.ToLower(knownTags.FindStringSubmatch(tag)[1])
		if strings.Contains(lineTags, " "+name+" ") {
			return "\n"
		}
		return " "
	})
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if to, n := entity("&" + rest); n > 0 {
			b.WriteString(to)
			text = rest[n-1:]
			continue
		}
		b.WriteByte('&')
		text = rest
	}
}
