package tflock

import (
	"slices"
	"strings"
	"unicode"
)

// shapes are what a word in a phrase may look like, so that it is not read as a lock's ID or path.
var shapes = map[string]*pattern{
	"<version>":  harmless,
	"<time>":     lazily(`^(?:` + timeOf + `|[+-]?[0-9]{4})$`),
	"<number>":   lazily(`^[0-9]{1,12}$`),
	"<request>":  lazily(`^(?:[A-Z0-9]{15,64}|[A-Za-z0-9]{52})$`),
	"<request+>": lazily(`^(?:[A-Za-z0-9]{15,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`), // stores outside of AWS
	"<host>":     lazily(`^(?:[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z])$`),                              // or one letter, where whoever made a sample left it out
	"<arn>":      lazily(`^arn:aws:dynamodb:[a-z0-9-]{1,20}:[0-9]{12}:table/[A-Za-z_.-]+$`),
	"<link>":     lazily(`^https://[A-Za-z0-9.-]{1,60}(?:/[A-Za-z0-9._-]{1,60}){1,5}/(?:actions/runs|-/jobs|-/pipelines)/[0-9]{1,12}$`),
	"<topic>":    lazily(`^arn:aws[a-z-]*:sns:[a-z0-9-]{1,20}:[0-9]{12}:[A-Za-z_.-]{1,40}$`),
	"<section>":  lazily(`^(?:[0-9]{10}:)?(?:step_script|apply|plan|prepare_script|after_script|cleanup_file_variables)(?:\[0K)?$`),
	"<day>":      lazily(`^(?i:mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december)$`),
	"<region>":   lazily(`^[a-z]{2}(?:-[a-z]+){1,2}-[0-9]$`),
	"<build>":    lazily(`^(?:[0-9]{1,12}(?:/[0-9]{1,3})?|i-[0-9a-f]{8,17})$`),
}

// names are words without digits, and those of AWS with digits in a fixed place: of a region, an account, an ARN,
// or what CloudFormation puts behind our functions' names; and GitLab's of a section.
var names = lazily(`^(?:[A-Za-z_.]{1,40}(?:-[A-Za-z_.]{1,40}){0,4}|[a-z]{2}(?:-[a-z]+){1,2}-[0-9]|[0-9]{12}|arn:aws:[a-z0-9]+:[a-z0-9-]*:[0-9]*:[A-Za-z_.-]+|` +
	`[A-Za-z-]*[A-Z][A-Za-z]*-[A-Z0-9]{12,13}|[0-9]{10}:[a-z_]{1,40})$`)

// hasShape reports whether a word may stand where a phrase has one.
func (m Meant) hasShape(word, mark string) bool {
	switch mark {
	case "<name>":
		return names.MatchString(word) || harmless.MatchString(word)
	case "<dir>":
		return m.isFolder(word)
	}
	return shapes[mark].MatchString(word)
}

// folders are names of folders where CI systems have a checkout or a program.
var folders = []string{"", ".", "..", "usr", "local", "bin", "terraform", "tofu", "repo", "live", "home", "runner", "work", "workspace", "builds", "default", "x.tfplan", "default.tfplan"}

// isFolder says of a path of a file that it shows no other state: it has names of checkouts, and then a part of this lock's path, with
// its folders in their order.
func (m Meant) isFolder(word string) bool {
	all := strings.Split(strings.Trim(atlantis.ReplaceAllString(word, ""), `"'`+"`:,;()?"), "/")
	own, last := slices.IndexFunc(all, isNoFolder), len(all)
	if own < 0 {
		return true
	}
	for ; !isNoFolder(all[last-1]); last-- { // a program or a plan is in it
	}
	part := "/" + strings.Join(all[own:last], "/") + "/"
	return slices.ContainsFunc(m.Paths, func(path string) bool { return strings.Contains("/"+path+"/", part) })
}

// isNoFolder says of a name that no CI system gives it to a folder.
func isNoFolder(name string) bool { return !slices.Contains(folders, name) }

var (
	codeBuild = lazily(`AWSCodeBuild-[0-9a-fA-F-]{36}`)
	// likeID is what looks like a client's ID to a reader who does not count, whatever stands between its groups.
	likeID = lazily(`[\pL\pN]{6,10}[^\pL\pN]{1,3}[\pL\pN]{3,5}[^\pL\pN]{1,3}[\pL\pN]{3,5}[^\pL\pN]{1,3}[\pL\pN]{3,5}[^\pL\pN]{1,3}[\pL\pN]{10,14}|[0-9a-fA-F]{32}|` +
		`[0-9a-fA-F]{7,9}[^\pL\pN][0-9a-fA-F]{3,5}[^\pL\pN][0-9a-fA-F]{3,5}|[^\pL\pN][0-9a-fA-F]{3,5}[^\pL\pN][0-9a-fA-F]{10,14}`) // also a part of one
	dates   = lazily(`[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?Z?)?`)
	address = lazily(`^https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~:/#@+-]*)?(?:\?region=[a-z0-9-]+#[a-z]+/[a-z]+/[A-Za-z-]+(?:-[0-9])?)?$`)
	// atlantis is where it has the checkout of a pull request.
	atlantis = lazily(`/home/atlantis/\.atlantis/repos/[A-Za-z-]+/[A-Za-z-]+/[0-9]{1,6}/`)
	oneWord  = lazily(`[\pL\pN|]+`)
	digit    = lazily(`[0-9]`)
)

// value returns what the value of a field shows of another lock: it has words, but no ID, no path, nothing
// that is said of locks, and no character that looks like another. mark is that of the field.
func (m Meant) value(text, mark string) string {
	const manyWords = 12
	text = m.withoutOwn(text)
	if len(strings.Fields(text)) > manyWords {
		return strings.TrimSpace(text)
	}
	if mark == "<who>" {
		text = codeBuild.ReplaceAllString(text, " ")
	}
	if below := m.belowBucket(text); below != "" {
		return below
	}
	text = dates.ReplaceAllString(text, " ")
	if at := likeID.FindString(text); at != "" {
		return at
	}
	if strings.ContainsFunc(text, isStrange) {
		return strings.TrimSpace(text)
	}
	var prose []string
	for _, word := range strings.Fields(text) {
		if !m.isPlain(word, mark) {
			return word
		}
		if mark != "<url>" || !address.MatchString(trimmed(word)) {
			prose = append(prose, word)
		}
	}
	return saidOfLocks(strings.Join(prose, " "))
}

// isStrange says of a character that it may look like another: all but those of ASCII, letters of Western Europe, and
// what our messages have.
func isStrange(r rune) bool {
	return r != '\x01' && r != '\t' && r != '\n' && (r < ' ' || r == 0x7f || r > unicode.MaxASCII && (r < 0xc0 || r > 0xff) && !strings.ContainsRune("…│•·–—", r))
}

// trimmed is a word without the marks around it.
func trimmed(word string) string { return strings.Trim(word, "\"'`()[]{}<>,;:.*…│|\x01") }

// isPlain says of a word in a value that it shows neither a path nor an ID.
func (m Meant) isPlain(word, mark string) bool {
	word = trimmed(word)
	switch {
	case mark == "<url>" && (address.MatchString(word) || shapes["<number>"].MatchString(word)):
		return true
	case strings.Contains(word, "/"):
		return m.isFolder(word)
	case strings.Count(word, `\`) > 1:
		return false
	case !digit.MatchString(word), harmless.MatchString(word), len(word) <= 3, mark == "<who>":
		return true
	}
	return strings.Count(word, "@") == 1 || names.MatchString(word)
}

// withoutOwn returns a text without the ID and the paths of this lock.
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

// saidOfLocks returns the first words in a text that are about locks, also behind escapes.
func saidOfLocks(text string) string {
	for {
		for _, word := range oneWord.FindAllString(text, -1) {
			if !harmless.MatchString(word) && (isLockWord(word) || isTalk(word)) {
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

// belowBucket returns what names a state in a bucket that is watched.
func (m Meant) belowBucket(text string) string {
	lower := strings.ToLower(text)
	for _, bucket := range m.Buckets {
		for at := 0; ; {
			i := strings.Index(lower[at:], strings.ToLower(bucket)+"/")
			if i < 0 {
				break
			}
			from := at + i
			at = from + len(bucket)
			if from > 0 && (isAlnum(lower[from-1]) || lower[from-1] == '-' || lower[from-1] == '.') || at > len(text) {
				continue
			}
			if word, _ := word(lower[from:]); len(word) > len(bucket)+1 {
				return word
			}
		}
	}
	return ""
}
