package tflock

import (
	"cmp"
	"strconv"
	"strings"
)

// common is what loggers and CI systems write before a line, and what is clear in itself: times, levels, quotations.
var common = lazily(`^[ \t│|>*#╷╵"']*(?:\[?` + date + `(?:T|UTC| |)` + clock + zone + `\]?:? |\[?` + clock + zone + `\]?:? |` +
	`(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3][0-9] ` + clock + ` |` +
	`##\[(?:command|debug|endgroup|error|group|section|warning)\]|::(?:error|warning|notice|group|endgroup)::|\[(?:Container|container|stderr|stdout|ERROR|INFO|WARN|DEBUG|error|info)\] ?|(?:ERROR|INFO|WARN|WARNING|STDERR|STDOUT|DEBUG|stdout|stderr)[ :|](?: {0,2}(?:tofu|terraform): )?|` +
	`[FP] |[0-9]{2}[OE][+]? )`)

// counted is a line with its number before it, as that of a line of a file or an item of a list.
var counted = lazily(`(?m)^[ \t│|>]*([0-9]{1,5})(?:[:|.] | {1,2})`)

// miscounted returns the first number before a line that does not follow the one before, nor is the first again: an ID can be
// written there.
func miscounted(text string) string {
	last := -1
	for _, at := range counted.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(at[1])
		if n != last+1 && n > 1 && (last >= 0 || n > 9999) {
			return at[1]
		}
		last = n
	}
	return ""
}

// uncounted takes the number before a line off.
func uncounted(line string) string {
	at := counted.FindStringIndex(line)
	if at == nil || margin(line) > manyBlanksBetween {
		return line
	}
	return line[at[1]:]
}

// margin is how many columns a line has before what a frame begins with. What is behind a wide one stays there, since a viewer that
// cuts lines off does not show it.
func margin(line string) int {
	return width(line[:len(line)-len(strings.TrimLeft(line, " \t│|>*#╷╵\"'"))])
}

// frames are what may be around the lines of a text.
type frames struct {
	before []string // the first that fits is taken off
	behind string
	kinds  map[string]bool // the forms of what was taken off before a line
}

// unframed takes off what stands before and behind each line: its number, what is common, and what the line with
// this lock's ID has there. The latter must show nothing of another lock.
func (m Meant) unframed(text string) *page {
	p := &page{Meant: m, other: miscounted(text)}
	prefix, suffix := m.frameOf(counted.ReplaceAllString(text, ""))
	p.other = cmp.Or(p.other, m.frameShows(prefix), m.frameShows(suffix))
	f := frames{behind: suffix, kinds: map[string]bool{}}
	if prefix != "" {
		f.before = append(f.before, prefix)
		if first, _, ok := strings.Cut(prefix, "] "); ok && strings.HasPrefix(first, "[") {
			f.before = append(f.before, first+"]") // not every line has the time behind it
		}
	}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		rest := f.strip(uncounted(line))
		b.WriteString(rest + "\n")
		if !strings.ContainsFunc(rest, counts) && signs(letterless(dates.ReplaceAllString(line, ""))) > manySigns {
			p.drawn = cmp.Or(p.drawn, strings.TrimSpace(line))
		}
		if len(f.kinds) > manyFrames {
			p.other = cmp.Or(p.other, line)
		}
	}
	p.text = b.String()
	return p
}

// Letters can be drawn with what is before lines as well. One line has at most three times and levels, and a text few forms of them.
const (
	manyCommon = 3
	manyFrames = 8
)

// strip takes a frame off a line.
func (f frames) strip(line string) string {
	rest := line
	for _, before := range f.before {
		if cut, ok := stripPrefix(before, line); ok && sameWords(before, line[:len(line)-len(cut)]) {
			rest = cut
			break
		}
	}
	framed, wide := rest, 0
	for range manyCommon {
		at := common.FindStringIndex(rest)
		if wide += margin(rest); at == nil || wide > manyBlanksBetween {
			break
		}
		rest = rest[at[1]:]
	}
	f.kinds[digit.ReplaceAllString(line[:len(line)-len(framed)]+"|"+framed[:len(framed)-len(rest)], "0")] = true
	if f.behind != "" {
		rest = strings.TrimSuffix(rest, f.behind)
	}
	return rest
}

var headingLine = lazily(`(?m)^(.{0,160}?)[*"']*Lock Info:\**(.{0,160})$`)

// frameOf learns what is around the lines of a text from that of the heading of its block, where the line
// with the lock's ID has the same.
func (m Meant) frameOf(text string) (prefix, suffix string) {
	at := headingLine.FindStringSubmatchIndex(text)
	if at == nil {
		return "", ""
	}
	prefix, suffix = strings.TrimRight(text[at[2]:at[3]], " \t│|>*"), strings.TrimRight(text[at[4]:at[5]], " \t")
	for line := range strings.SplitSeq(text[at[1]:], "\n") {
		cut, ok := stripPrefix(prefix, line)
		if !ok || !hasLabel(strings.TrimLeft(cut, " \t│|>*"), "ID") || !strings.Contains(cut, m.ID) {
			continue
		}
		if !strings.HasSuffix(strings.TrimRight(line, " \t"), suffix) {
			suffix = ""
		}
		return prefix, suffix
	}
	return "", ""
}

// pod is a name that Kubernetes gives, of words for what a client does.
const pod = `(?:(?:tf|terraform|tofu|terragrunt|apply|plan|runner|job)-){1,3}[0-9a-z]{5,10}`

// loggers are what known loggers write before or behind a line. Any other name there is asked about: it may be the name of a lock,
// unless it is a part of this lock's path.
var loggers = lazily(`^(?:(?i:(?:(?:level|stream|tf-path|logger|time|msg|log)=)?(?:terraform|tofu|opentofu|terragrunt|atlantis|stdout|stderr|error|err|info|warn|warning|debug|container|pipeline|build|runner|log|msg|time|level)?(?:[=:]|:(?:terraform|tofu):?)?)|` +
	`[FP]|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|build-[0-9]{1,2}|(?:terraform|tofu)-[0-9]{1,2}|(?:terraform|tofu|terragrunt)\[[0-9]{1,7}\]|\[?pod/` + pod + `/(?:terraform|tofu)\]?|pod=` + pod + `|` +
	`[0-9]{2}[OE]\+?|\[01[0-9A-Z]{8}\])$`)

// signsOf are more signs in a row than frames have.
var signsOf = lazily(`[^\pL\pN]{5}`)

// frameShows returns what a frame shows that no known logger writes.
func (m Meant) frameShows(frame string) string {
	frame = colours.ReplaceAllString(frame, " ")
	if at := signsOf.FindString(strings.Join(strings.Fields(frame), "")); at != "" {
		return frame
	}
	if at := likeID.FindString(frame); at != "" && !counter.MatchString(at) && dates.ReplaceAllString(frame, " ") == frame {
		return at
	}
	for word := range strings.FieldsSeq(frame) {
		bare := strings.Trim(word, "[]()│|>#*\"'`:,+\\/{")
		if !counter.MatchString(word) && !harmless.MatchString(bare) && !shapes["<time>"].MatchString(bare) && !loggers.MatchString(strings.TrimSuffix(word, ":")) && !loggers.MatchString(bare) && bare != "" && !marks.MatchString(bare) && !m.isFolder(bare) {
			return word
		}
	}
	for _, word := range oneWord.FindAllString(frame, -1) {
		if isLockWord(word) && !harmless.MatchString(word) && !strings.EqualFold(word, "path") { // Terragrunt's tf-path
			return after(frame, word)
		}
	}
	return ""
}

// sameWords reports whether two frames differ in times and counters only.
func sameWords(a, b string) bool {
	one, two := strings.Fields(a), strings.Fields(b)
	if len(one) != len(two) {
		return false
	}
	for i := range one {
		if one[i] == two[i] {
			continue
		}
		x, y := counter.FindStringSubmatch(one[i]), counter.FindStringSubmatch(two[i])
		if x == nil || y == nil || x[1] != y[1] || x[2] != y[2] {
			return false
		}
	}
	return true
}

// counter is a time, with marks and the name of a field around it: in seconds, or in milliseconds since 1970.
var counter = lazily(`^([\[(]?(?:(?:time|ts|at)[=\[(])?)(?:(1[0-9]{6})[0-9]{6}|(?:` + date + `(?:T|UTC)?)?` + clock + zone + `)[\])]*[:|]?$`)
