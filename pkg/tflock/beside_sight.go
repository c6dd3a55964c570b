package tflock

import (
	"regexp"
	"strings"
)

// sight is a text as people see it, and where they look in it for the path of a state: as a word of its own or behind a label, and in
// the first columns of its line, since logs and editors cut long lines off. A line of JSON, and one that is alone, are long, and read
// as a whole.
type sight struct {
	text  string
	alone int             // where the only line with words begins; -1 where there are more
	gap   int             // where the first gap is in which a part of a line may be out of sight
	seen  map[string]bool // what was looked for
}

const (
	sightColumns = 100 // a label, and what loggers write before it, take up to eighty
	jsonColumns  = 500
)

var (
	// beforeSight is what stands before a path in sight: a blank, the beginning of a cell or a line, or a label, with quotation marks.
	beforeSight = regexp.MustCompile("(?:^|[\\s|│>])[*`\"'\\\\(<]*$|(?:(?:^|[\\s|│>])[{\"'\\\\]*|[,{][ \"'\\\\]*[\"'\\\\])[A-Za-z_-]{1,24}[\"'\\\\]*[:=][\"'`\\\\]*$")
	jsonLine    = regexp.MustCompile(`^[^A-Za-z]{0,40}[{\[]\\?["']`)
	wideGap     = regexp.MustCompile(`[ \t]{25}`)
)

func newSight(text string) *sight {
	s := &sight{text: text, alone: -1, seen: map[string]bool{}}
	from, lines := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.ContainsFunc(dates.ReplaceAllString(line, ""), counts) {
			lines, s.alone = lines+1, from
		}
		from += len(line) + 1
	}
	if lines > 1 {
		s.alone = -1
	}
	if s.gap = len(text); s.alone >= 0 {
		if at := wideGap.FindStringIndex(text[s.alone:]); at != nil {
			s.gap = s.alone + at[0]
		}
	}
	return s
}

// has says that a path, as it stands in the text, is in sight somewhere.
func (s *sight) has(path string) bool {
	known, looked := s.seen[path]
	for from := 0; !looked && !known; {
		i := strings.Index(s.text[from:], path)
		if i < 0 {
			break
		}
		at, to := from+i, from+i+len(path)
		known = s.isWord(at) && s.isInColumns(at) && (ends(s.text, to) || s.text[to] == '&' || s.text[to] == '\\') // an entity or an escape is behind it
		from = at + 1
	}
	s.seen[path] = known
	return known
}

// before is what is before a path in its line, and where that begins.
func (s *sight) before(at int) (line string, from int) {
	from = strings.LastIndexByte(s.text[:at], '\n') + 1
	return strings.TrimSuffix(s.text[from:at], "s3://"), from
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
	if from == s.alone && at < s.gap {
		return true
	}
	const longest = 4 // bytes in a column
	if len(line) > longest*jsonColumns {
		return false
	}
	columns := width(line)
	return columns <= sightColumns || columns <= jsonColumns && jsonLine.MatchString(line) && !wideGap.MatchString(line)
}
