package tflock

import (
	"fmt"
	"strings"
)

// parseShort reads a text of one line that is an ID, maybe decorated, or the name of a
// state. ok is false where the text is something longer.
func parseShort(text string) (ref Reference, err error, ok bool) { //nolint:revive // the error says why the short text names no lock
	if text == "" || len(text) > maxIDLength || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.ContainsAny(text, "\r\n") {
		return Reference{}, nil, false
	}
	if strings.Contains(text, "***") && !strings.Contains(text, " ") {
		return Reference{}, fmt.Errorf("%w: %s is masked; take the ID from the alert or the dashboard", ErrNoReference, quote(text)), true
	}
	label, value := splitLabel(text)
	if strings.ContainsFunc(value, isSeparator) {
		return Reference{}, nil, false
	}
	bare := undecorate(value)
	switch {
	case bare == "":
		return Reference{}, nil, false
	case strings.EqualFold(label, "lockid") && isPath(bare), isPath(stateName(bare)) && label != "id":
		return Reference{}, &StateError{Path: stateName(bare)}, true
	case isPlain(bare):
		return Reference{ID: bare}, nil, true
	case label == "" && strings.ContainsFunc(text, isSeparator):
		return Reference{}, nil, false
	case label == "":
		return Reference{ID: text}, nil, true // an ID of other signs: taken as it is
	default:
		return Reference{}, fmt.Errorf("%w: %s; to release that lock, give this ID as lock_id together with its path, %s", ErrNoPlainID, quote(value), asIs), true
	}
}

// isSeparator finds the characters that separate words, and control characters, so
// that only a lone word counts as an ID by itself.
func isSeparator(r rune) bool { return r <= ' ' || r == 0x7f || r == '│' || isWideSpace(r) }

// idLabels are what people and programs write before an ID, in lower case and without
// blanks and "_-".
var idLabels = []string{"id", "lockid", "lock", "thelock", "thelockid", "lockinfoid", "tflock", "statelock", "unlock", "uuid"}

// splitLabel takes a label off a short text: "ID: x", "lock_id=x", "Lock ID x".
func splitLabel(text string) (label, value string) {
	text = trimDecoration(text)
	for _, at := range []int{strings.IndexByte(text, '='), strings.IndexByte(text, ':'), strings.LastIndexAny(text, " \t")} {
		if at <= 0 {
			continue
		}
		name := strings.NewReplacer(" ", "", "_", "", "-", "", ":", "", "\"", "", "'", "", "*", "", "#", "", "\t", "").Replace(strings.ToLower(text[:at]))
		for _, known := range idLabels {
			if name == known {
				return known, strings.TrimSpace(text[at+1:])
			}
		}
	}
	return "", text
}

const decoration = "\"'`“”‘’«»‹›„‚<>()[]{}*,;!?│| \t"

func trimDecoration(text string) string { return strings.Trim(text, decoration) }

// undecorate takes off quotes, brackets and the punctuation of a sentence.
func undecorate(word string) string {
	return strings.TrimRight(trimDecoration(word), decoration+".:")
}

// stateName takes off what leads to a state's bucket/key, and what follows it where its
// lock or its digest is meant.
func stateName(word string) string {
	word = strings.TrimPrefix(word, "s3://")
	if strings.HasPrefix(word, "arn:") {
		if _, name, ok := strings.Cut(word, ":s3:::"); ok {
			word = name
		}
	}
	if strings.Contains(word, "://") {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(word, ".tflock"), "-md5")
}
