package tflock

import (
	"regexp"
	"strings"
)

// sights are a text as it is, and with its escapes and HTML as what they stand for. Nobody knows which of them people see, so what
// counts is in sight in each.
type sights struct {
	raw, rendered *sight
	lines         *sight          // with nothing but its line ends and tabs as such: some viewers know those alone, and show other escapes as they are
	id            string          // of the lock
	seen, block   map[string]bool // what was looked for
}

func newSights(text, id string) *sights {
	raw := strings.ReplaceAll(strings.ReplaceAll(colours.ReplaceAllStringFunc(text, columnsOf), "\r\n", "\n"), "\u00a0", " ")
	return &sights{raw: newSight(raw), rendered: newSight(renderedAs(shownAs(text))), lines: newSight(linesOf(raw)), id: id, seen: map[string]bool{}, block: map[string]bool{}}
}

// blockHas says that the first place of a path behind the lock's ID, which a client prints before it, is in sight, and about as far to
// the right: who sees the one sees the other. The same path in another field, whose writer is that of the block, is not where people look.
func (s *sights) blockHas(path string) bool {
	known, looked := s.block[path]
	if !looked {
		known = s.raw.firstIsSeen(s.id, path) && s.rendered.firstIsSeen(s.id, path) && s.lines.firstIsNear(s.id, path)
		s.block[path] = known
	}
	return known
}

// escapedEnds are line ends of JSON, of workflow commands, of syslog and of HTML.
var escapedEnds = regexp.MustCompile(`(?i)\\+(?:r\\+n|[rn]|u000[ad]|x0[ad]|012)|(?:%(?:25)*0D)?%(?:25)*0A|(?:#015)?#012|(?:<|&(?:amp;)*lt;)(?:br ?/?|/?(?:div|p|li|tr))(?:>|&(?:amp;)*gt;)`)

// escapedTabs are eight columns where they are shown as tabs.
var escapedTabs = regexp.MustCompile(`(?i)\\+(?:t|u0009|x09|011)|#011|&(?:amp;)*(?:tab|#0*9|#x0*9);`)

func linesOf(text string) string {
	return escapedTabs.ReplaceAllString(escapedEnds.ReplaceAllString(lineEndings.Replace(text), "\n"), "\t")
}

func (s *sight) firstIsSeen(id, path string) bool {
	at := s.first(id, path)
	return at < 0 || s.isSeen(at, at+len(path)) && s.firstIsNear(id, path)
}

// first is the first place of a path behind the lock's ID; -1 where none is.
func (s *sight) first(id, path string) int {
	from := max(0, strings.Index(s.text, id))
	if i := strings.Index(s.text[from:], path); i >= 0 {
		return from + i
	}
	return -1
}

// firstIsNear says that the first place of a path behind the ID, where that is in another line, is in the line of the first label
// behind the ID, as in what clients print, or the next one, and hardly further to the right than the ID. Whoever writes a path that begins
// with line ends or blanks moves it away from its label.
func (s *sight) firstIsNear(id, path string) bool {
	from, at := max(0, strings.Index(s.text, id)), s.first(id, path)
	if at < 0 || !strings.Contains(s.text[from:at], "\n") {
		return true
	}
	const more = 8 // columns: a logger does not write as much before each line
	label := pathLabel.FindStringIndex(s.text[from:at])
	const folded = 1 // line end: mails break a line before a long path
	return label != nil && strings.Count(s.text[from+label[0]:at], "\n") <= folded && s.column(at) <= s.column(from)+more
}

var pathLabel = regexp.MustCompile(`(?i)path`)

// have says that a path, as it stands in the text, is in sight somewhere.
func (s *sights) have(path string) bool {
	known, looked := s.seen[path]
	if !looked {
		known = s.raw.has(path) && s.rendered.has(path)
		s.seen[path] = known
	}
	return known
}

// sight is a text, and where people look in it for the path of a state: as a word of its own or behind a label, and in the first
// columns of its line, since logs and editors cut long lines off. A line that is alone, and lines of nothing but JSON, are long, and
// read as a whole.
type sight struct {
	text  string
	alone int  // where the only line with words begins; -1 where there are more
	json  bool // all lines with words are JSON
}

// sightColumns are those in which a path begins: a label, and what loggers write before it, take up to eighty.
const sightColumns = 100

var (
	// beforeSight is what stands before a path in sight: a blank, the beginning of a cell or a line, or a label, with quotation marks.
	beforeSight = regexp.MustCompile("(?:" + apart + ")[*`\"'\\\\(<]*$|(?:(?:" + apart + ")[{\"'\\\\]*|[,{][ \"'\\\\]*[\"'\\\\])[A-Za-z_-]{1,24}[\"'\\\\]*[:=][\"'`\\\\]*$")
	jsonLine    = regexp.MustCompile(`^[^A-Za-z]{0,40}[{\[]\\?["']`)
	wideGap     = regexp.MustCompile(`[ \t]{25}`)
)

// apart separates words, also in an escaped text.
const apart = `^|[\s|│>]|\\\\[nt]|&(?:amp;)*(?:nbsp|#160|#xa0);|%0A|#012`

func newSight(text string) *sight {
	s := &sight{text: text, alone: -1, json: true}
	from, lines := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.ContainsFunc(dates.ReplaceAllString(line, ""), counts) {
			lines, s.alone = lines+1, from
			s.json = s.json && jsonLine.MatchString(line)
		}
		from += len(line) + 1
	}
	if lines > 1 {
		s.alone = -1
	}
	return s
}

func (s *sight) has(path string) bool {
	for from := 0; ; {
		i := strings.Index(s.text[from:], path)
		if i < 0 {
			return false
		}
		at, to := from+i, from+i+len(path)
		if s.isSeen(at, to) {
			return true
		}
		from = at + 1
	}
}

// isSeen says that a path that stands there is in sight.
func (s *sight) isSeen(at, to int) bool {
	return s.isWord(at) && s.isInColumns(at) && (ends(s.text, to) || strings.IndexByte(`\&%#`, s.text[to]) >= 0) // of an escape behind it
}

// before is what is before a path in its line, and where that begins.
func (s *sight) before(at int) (line string, from int) {
	from = strings.LastIndexByte(s.text[:at], '\n') + 1
	return strings.TrimSuffix(s.text[from:at], "s3://"), from
}

// column is how many columns are before a place in its line.
func (s *sight) column(at int) int {
	line, _ := s.before(at)
	return width(line)
}

// isWord says that a path which begins there is a word of its own, or behind a label.
func (s *sight) isWord(at int) bool {
	line, _ := s.before(at)
	const longest = 60
	return beforeSight.MatchString(line[max(0, len(line)-longest):])
}

// isInColumns says that it begins in the columns that people see.
func (s *sight) isInColumns(at int) bool {
	line, from := s.before(at)
	const bytes, longest = 4, 8 << 10 // of a column, and of a line in which gaps are looked for
	if len(line) <= bytes*sightColumns && width(line) <= sightColumns {
		return true
	}
	return (from == s.alone || s.json) && len(line) <= longest && !wideGap.MatchString(line)
}
