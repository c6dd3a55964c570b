package tflock

import (
	"fmt"
	"strings"
)

// A client prints a lock as statemgr.LockInfo.String does, in Terraform and OpenTofu:
//
//	Lock Info:
//	  ID:        78007e4f-7284-5b8c-b34c-620445a03e9c
//	  Path:      b/a/terraform.tfstate
//	  Operation: OperationTypeApply
//	  Who:       root@vm
//	  Version:   1.11.4
//	  Created:   2026-11-23 07:06:04.85961561 +0000 UTC
//	  Info:
//
// Whoever takes the lock chooses every field but the names, so a field may have
// newlines and forge lines of its own. The first line behind the heading is the ID's,
// the next the path's, and there is no other of either: what departs from that is
// refused.

// readBlocks reads every block, and returns the text before the first: all of it where
// there is none.
func readBlocks(text string, exact bool) (found reading, before string) {
	before = text
	scan := headings{text: text}
	this, ok := scan.next()
	for ok {
		next, more := scan.next()
		region := text[this.end:]
		if more {
			region = text[this.end:max(next.line, this.end)]
		}
		block := readBlock(text[this.line:this.start], region, exact)
		if len(before) == len(text) && (block.refused != nil || len(block.mentions) > 0) {
			before = text[:this.start]
		}
		// A heading with nothing behind it is where a paste was cut.
		if block.open && strings.TrimSpace(region) == "" && !more && len(found.mentions) > 0 {
			block.open = false
		}
		if more && len(block.mentions) > 0 && block.mentions[0].path == "" {
			block.refuse(notPlain(block.mentions[0].id + " … " + headingWords)) // a heading forged into the ID
		}
		found.merge(block)
		this, ok = next, more
	}
	return found, before
}

const headingWords = "Lock Info"

// heading is where one is: its line, itself, and what follows.
type heading struct{ line, start, end int }

// headings goes through the headings of a text.
type headings struct {
	text  string
	at    int
	last  heading
	line  int // that of the last place that was looked at
	label int // where a value begins in it; 0: not known
}

// next finds the next "Lock Info:". One that is in the value of another field of a
// block is none, unless that block is all on one line, as its own heading is.
func (s *headings) next() (heading, bool) {
	line := s.last.line
	for {
		i := strings.Index(s.text[s.at:], headingWords)
		if i < 0 {
			return heading{}, false
		}
		start := s.at + i
		if newline := strings.LastIndexByte(s.text[s.at:start], '\n'); newline >= 0 {
			line = s.at + newline + 1
		}
		s.at = start + len(headingWords)
		rest := strings.TrimLeft(s.text[s.at:], " *")
		if !strings.HasPrefix(rest, ":") {
			continue
		}
		end := len(s.text) - len(rest)
		sameLine := s.last.end > 0 && line == s.last.line
		if s.label == 0 || line != s.line {
			s.line, s.label = line, behindLabel(s.text[line:])
		}
		if sameLine || start < line+s.label {
			s.last = heading{line, start, end + 1}
			return s.last, true
		}
	}
}

// veiled reports whether a text has a heading that only another view can show.
func veiled(text string) bool {
	const blanks, codes = 24, 24 // "&amp;nbsp;", a colour
	for {
		_, behind, ok := strings.Cut(text, "Lock")
		if !ok {
			return false
		}
		text = behind
		window := text[:min(len(text), blanks+len("Info"))]
		if at := strings.Index(window, "Info"); at >= 0 {
			colon := strings.IndexByte(text[at:min(len(text), at+len("Info")+codes)], ':')
			if colon >= 0 && (window[:at] != " " || strings.TrimLeft(text[at+len("Info"):at+colon], " *") != "") {
				return true
			}
		}
	}
}

// readBlock reads what follows a heading with that prefix on its line.
func readBlock(prefix, region string, exact bool) reading {
	suffix, lines, _ := strings.Cut(region, "\n")
	if first := strings.TrimLeft(suffix, " \t│|>,;/"); hasLabel(first, "ID") {
		return readOneLine(suffix, lines)
	}
	end := strings.Trim(suffix, " \t")
	if len(end) > longestPrefix {
		end = ""
	}
	for _, f := range []frame{{prefix, suffix, end, true, exact}, {prefix, suffix, end, false, exact}} {
		if f.strict && len(prefix) > longestPrefix { // a text may be one line of very many headings
			continue
		}
		b := block{frame: f}
		if b.read(lines) {
			return b.reading()
		}
	}
	other := strings.ReplaceAll(suffix, `ID:"`, "")
	return reading{open: !isProse(suffix) || strings.Contains(other, "ID:") || strings.Contains(other, "Path:")}
}

// isProse reports whether a text has two words of letters, as what follows a heading that a
// sentence only mentions.
func isProse(text string) bool {
	words := 0
	for word := range strings.FieldsSeq(text) {
		if strings.IndexFunc(strings.Trim(word, ".,;"), func(r rune) bool { return (r|0x20 < 'a') || (r|0x20 > 'z') }) < 0 {
			words++
		}
	}
	return words >= 2
}

// readLines reads the lines of a block that was copied without its heading. Without a
// path's line they are only taken for that where they are all.
func readLines(text string, exact, all bool) reading {
	for at := 0; at < len(text); {
		line, _, more := strings.Cut(text[at:], "\n")
		if hasLabel(stripLog(line), "ID") {
			b := block{frame: frame{exact: exact}, headless: true}
			b.read(text[at:])
			if b.stage < inPath && !all {
				return reading{}
			}
			return b.reading()
		}
		if !more {
			break
		}
		at += len(line) + 1
	}
	return reading{}
}

// block is what was read of the lines of one.
type block struct {
	frame
	gap, pathGap  int // lines without a text before the ID's, and between it and the path's
	id            field
	path          field
	extra         []string // lines that continue the path's
	stage         stage
	headless      bool  // it is only the lines of a block, copied without their heading
	strange       bool  // between ID and path stands something that no client writes
	contradiction error // another ID, or another path
}

type stage int

const (
	beforeID stage = iota
	beforePath
	inPath
	behind
)

// field is a value with the blanks between its label and it.
type field struct {
	value  string
	blanks int
}

// read goes through the lines. It is false where no line of an ID comes first.
func (b *block) read(lines string) bool {
	for line := range strings.SplitSeq(lines, "\n") {
		rest, ok := b.strip(line)
		if !ok {
			// A line of another unit, unless it speaks of a lock.
			if rest = stripLog(line); b.stage == beforeID || !hasLabel(rest, "ID") && !hasLabel(rest, "Path") {
				continue
			}
		}
		if !b.take(rest) {
			return false
		}
	}
	return b.stage > beforeID
}

// take takes a line without its frame. It is false where the block cannot be one.
func (b *block) take(line string) bool {
	text := strings.Trim(line, " \t")
	switch {
	case b.stage == beforeID:
		if !hasLabel(text, "ID") {
			b.gap++
			return !hasAlnum(text)
		}
		b.id, b.stage = b.fieldOf(line, "ID"), beforePath
	case hasLabel(text, "ID"):
		b.strange = b.strange || b.stage == beforePath
		b.repeated("ID", b.id, b.fieldOf(line, "ID"))
	case hasLabel(text, "Path") && b.stage == beforePath:
		b.path, b.stage = b.fieldOf(line, "Path"), inPath
	case hasLabel(text, "Path"):
		b.repeated("Path", b.path, b.fieldOf(line, "Path"))
	case hasLabel(text, "Operation") && b.stage < behind:
		b.stage = behind
	case b.stage == beforePath:
		b.strange = b.strange || hasAlnum(text)
		b.pathGap++
	case b.stage == inPath:
		b.extra = append(b.extra, text)
	}
	return true
}

// repeated sees a label again.
func (b *block) repeated(label string, first, again field) {
	if (first.value != again.value || again.value == "") && b.contradiction == nil {
		base := ErrTwoLocks
		if label == "Path" {
			base = ErrNoReference
		}
		b.contradiction = fmt.Errorf("%w: one \"Lock Info:\" block has the %s %s and %s, so somebody may have written a false one into the lock; "+
			"give the ID that is meant as lock_id, and the state's bucket/key as path, %s", base, label, quote(first.value), quote(again.value), asIs)
	}
}

func (b *block) reading() (found reading) {
	id := b.id.value
	switch {
	case b.contradiction != nil:
		found.refuse(b.contradiction)
	case !isPlain(id):
		found.refuse(notPlain(id))
	case b.stage > beforePath && (b.strange || b.pathGap != b.gap && !b.headless),
		b.path.value != "" && b.id.blanks != b.path.blanks && b.id.blanks != b.path.blanks+len("Path")-len("ID"):
		found.refuse(notPlain(id + " …"))
	default:
		found.add(b.mention())
	}
	return found
}

func (b *block) mention() mention {
	m := mention{id: b.id.value, path: b.path.value}
	if b.stage == behind { // else the paste ends in the path, and what follows is not its
		more := strings.Join(b.extra, "")
		m.doubtful = more != ""
		m.path += more
	}
	m.doubtful = m.path != "" && (m.doubtful || !isWholePath(m.path))
	return m
}

// notPlain refuses an ID that a client would not make.
func notPlain(id string) error {
	if strings.Contains(id, "***") || strings.Contains(strings.ToUpper(id), "MASKED") {
		return fmt.Errorf("%w: in the text the ID is masked (%s); take it from the alert or the dashboard", ErrNoReference, quote(id))
	}
	if strings.TrimSpace(id) == "" {
		return fmt.Errorf("%w: its \"ID:\" line is empty", ErrNoPlainID)
	}
	return fmt.Errorf("%w: %s; to release that lock, give its ID as lock_id, exactly, and the state's bucket/key as path, %s", ErrNoPlainID, quote(id), asIs)
}
