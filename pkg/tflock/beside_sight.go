package tflock

import (
	"strings"
)

// sights are a text as it is, and with its escapes and HTML as what they stand for. Nobody knows which of them people see, so what
// counts is in sight in each.
type sights struct {
	raw, rendered *sight
	id            string          // of the lock
	seen, block   map[string]bool // what was looked for
}

func newSights(text, id string) *sights {
	raw := strings.ReplaceAll(strings.ReplaceAll(colours.ReplaceAllStringFunc(text, columnsOf), "\r\n", "\n"), "\u00a0", " ")
	return &sights{raw: newSight(raw), rendered: newSight(renderedAs(shownAs(text))), id: id, seen: map[string]bool{}, block: map[string]bool{}}
}

// blockHas reports whether the first place of a path behind the lock's ID, which a client prints before it, is in sight, and is where its
// label is. The same path in another field, whose writer is that of the block, is not where people look.
func (s *sights) blockHas(path string) bool {
	known, looked := s.block[path]
	if !looked {
		known = s.raw.isBehindLabel(s.id, path) && s.raw.firstIsSeen(s.id, path) && s.rendered.firstIsSeen(s.id, path)
		s.block[path] = known
	}
	return known
}

var (
	// pathLabel is that of a path or our option, and not a folder with such a name, or the tf-path that Terragrunt writes before each line.
	pathLabel = lazily(`(?i)(?:^|[^-/]|--)(path)(?:[^\pL\pN./_-]|$)`)
	hardBlank = lazily(`&(?:amp;)*(?:nbsp|#160|#xa0);`) // of HTML
	jsonGap   = lazily(`^\\*" ?: ?\\*"$`)               // between a name and its value, in JSON of any depth
)

// isBehindLabel reports whether hardly more than what a client writes is between the first label of a path behind the ID and the first
// path there, in the text as it is. Whoever writes a path that begins with blanks, line ends or escapes of any kind moves it
// away from its label, for those who see them as they are or for those who do not. A mail breaks a line before a long path.
func (s *sight) isBehindLabel(id, path string) bool {
	before, _, found := strings.Cut(s.text[max(0, strings.Index(s.text, id)):], path)
	if !found { // an alert of ours may have it before the ID
		before, _, _ = strings.Cut(s.text, path)
	}
	label := pathLabel.FindStringSubmatchIndex(before)
	if label == nil {
		return false
	}
	const most, ends = 12, 1 // columns (a colon and six blanks, quotation marks and escapes), line ends
	between := hardBlank.ReplaceAllString(before[label[3]:], " ")
	return jsonGap.MatchString(between) || width(between) <= most && strings.Count(between, "\n") <= ends
}

// firstIsSeen reports whether the first place of a path behind the ID is in sight.
func (s *sight) firstIsSeen(id, path string) bool {
	from := max(0, strings.Index(s.text, id))
	i := strings.Index(s.text[from:], path)
	return i < 0 || s.isSeen(from+i, from+i+len(path))
}

// have reports whether a path, as it stands in the text, is in sight somewhere.
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
	beforeSight = lazily("(?:" + apart + ")[*`\"'\\\\(<]*$|(?:(?:" + apart + ")[{\"'\\\\]*|[,{][ \"'\\\\]*[\"'\\\\])[A-Za-z_-]{1,24}[\"'\\\\]*[:=][\"'`\\\\]*$")
	jsonLine    = lazily(`^[^A-Za-z]{0,40}[{\[]\\?["']`)
	wideGap     = lazily(`[ \t]{25}`)
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

// isSeen reports whether a path that stands there is in sight.
func (s *sight) isSeen(at, to int) bool {
	return s.isWord(at) && s.isInColumns(at) && (ends(s.text, to) || strings.IndexByte(`\&%#`, s.text[to]) >= 0) // of an escape behind it
}

// before is what is before a path in its line, and where that begins.
func (s *sight) before(at int) (line string, from int) {
	from = strings.LastIndexByte(s.text[:at], '\n') + 1
	return strings.TrimSuffix(s.text[from:at], "s3://"), from
}

// isWord reports whether a path which begins there is a word of its own, or behind a label.
func (s *sight) isWord(at int) bool {
	line, _ := s.before(at)
	const longest = 60
	return beforeSight.MatchString(line[max(0, len(line)-longest):])
}

// isInColumns reports whether it begins in the columns that people see.
func (s *sight) isInColumns(at int) bool {
	line, from := s.before(at)
	const bytes, longest = 4, 8 << 10 // of a column, and of a line in which gaps are looked for
	if len(line) <= bytes*sightColumns && width(line) <= sightColumns {
		return true
	}
	return (from == s.alone || s.json) && len(line) <= longest && !wideGap.MatchString(line)
}
