package tflock

import (
	"strings"
)

// readCommands finds commands that release a lock: a client's force-unlock, and ours with
// the payload {"lock_id": …} in the quotes of any shell.
func readCommands(text string) (found reading) {
	found.merge(forceUnlock(text))
	found.merge(lockIDs(text))
	return found
}

func forceUnlock(text string) (found reading) {
	const command = "unlock "
	for at := 0; ; {
		i := strings.Index(text[at:], command)
		if i < 0 {
			return found
		}
		start := at + i
		at = start + len(command)
		const before, behind = 300, 2 * maxIDLength // are looked at
		words := text[max(0, start-before) : at-1]
		if !isCommand(words[strings.LastIndexByte(words, '\n')+1:]) {
			continue
		}
		line, _, _ := strings.Cut(text[at:min(len(text), at+behind)], "\n")
		if id, ok := commandID(line); ok {
			found.add(mention{id: id})
		}
	}
}

// isCommand reports whether a line ends in "terraform force-unlock", "lockwarden unlock", or the
// like.
func isCommand(line string) bool {
	words := strings.Fields(line)
	if len(words) < 2 {
		return false
	}
	before := trimDecoration(words[len(words)-2])
	before = strings.TrimSuffix(before[strings.LastIndexAny(before, `/\`)+1:], ".exe")
	switch trimDecoration(words[len(words)-1]) {
	case "unlock":
		return before == "lockwarden"
	case "force-unlock":
		return before == "terraform" || before == "tofu" || before == "terragrunt" || before == "--" || before == "run" || strings.HasPrefix(words[len(words)-2], "-chdir=")
	}
	return false
}

// commandID is the word behind the command's flags. Prose that only mentions the
// command has a word without a digit there.
func commandID(line string) (string, bool) {
	for word := range strings.FieldsSeq(line) {
		if strings.HasPrefix(word, "-") {
			continue
		}
		id := undecorate(word)
		return id, isPlain(id) && hasDigit(id)
	}
	return "", false
}

// placeholder is what our own messages write where a person has to put an ID.
const placeholder = "LOCK_ID"

// lockIDs finds lock_id with a value: in JSON that a shell has quoted, or as a variable.
func lockIDs(text string) (found reading) {
	for _, place := range lockIDName.FindAllStringIndex(text, -1) {
		start, at := place[0], place[1]
		if start > 0 && isPlainByte(text[start-1]) {
			continue
		}
		value, rest, ok := assigned(text[at:])
		switch {
		case !ok || value == placeholder:
		case !isPlain(value):
			found.refuse(notPlain(value))
		default:
			path := pathBehind(rest)
			found.add(mention{id: value, path: path, doubtful: !isWholePath(path)})
		}
	}
	return found
}

var lockIDName = lazily(`lock_id|LOCK_ID`)

const shellQuotes = "\"'`\\“”"

// assigned reads `": "value"`, `\":\"value\"`, `=value` behind a name.
func assigned(text string) (value, rest string, ok bool) {
	text = strings.TrimLeft(text, shellQuotes)
	text = strings.TrimLeft(text, " ")
	if text == "" || text[0] != ':' && text[0] != '=' {
		return "", "", false
	}
	text = strings.TrimLeft(text[1:], " ")
	open := len(text) - len(strings.TrimLeft(text, shellQuotes))
	ends := " \t\n,}"
	if open > 0 {
		ends = text[open-1 : open]
	}
	text = text[open:]
	end := strings.IndexAny(text, ends)
	if end < 0 || end > 2*maxIDLength {
		end = min(len(text), 2*maxIDLength)
	}
	return strings.TrimRight(text[:end], `\`), text[end:], text[:end] != ""
}

// pathBehind is the path in the same payload. What follows a quote in it is left out.
func pathBehind(text string) string {
	const longest = 4096
	text, _, _ = strings.Cut(text[:min(len(text), longest)], "\n")
	if end := strings.IndexByte(text, '}'); end >= 0 {
		text = text[:end]
	}
	i := strings.Index(text, `path`)
	if i < 1 || strings.IndexByte(shellQuotes, text[i-1]) < 0 {
		return ""
	}
	value, _, ok := assigned(text[i+len("path"):])
	if !ok || !mayBePath(value) {
		return ""
	}
	if quote := strings.IndexAny(value, shellQuotes); quote >= 0 {
		return value[:quote] + "…"
	}
	return value
}
