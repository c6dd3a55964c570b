package tflock

import (
	"fmt"
	"slices"
	"strings"
)

// labelled collects what stands behind labels, outside of a client's block: in our mail
// and Slack messages, on the dashboard, or in a few lines of a client's error.
type labelled struct {
	reading
	next  string
	above string // the line before, where it is a path
	paths []mention
}

// readLabels reads a text line by line.
func readLabels(text string) reading {
	var l labelled
	for line := range strings.SplitSeq(text, "\n") {
		l.line(fromPath(line))
	}
	l.merge(readTable(text))
	for i := range l.mentions {
		if m := &l.mentions[i]; m.path == "" && len(l.paths) == 1 {
			m.path, m.doubtful = l.paths[0].path, l.paths[0].doubtful
		}
	}
	l.mentions = append(l.mentions, l.paths...)
	return l.reading
}

func (l *labelled) line(line string) {
	line = strings.Trim(line, " \t")
	if line == "" {
		return
	}
	above := l.above
	l.above = ""
	l.above = leadingPath(line)
	if l.next != "" { // Slack has the label in one line, and the value in the next
		name := l.next
		l.next = ""
		l.value(name, strings.TrimSuffix(strings.TrimPrefix(line, "`"), "`"))
		return
	}
	if name := labelName(strings.Trim(line, "*")); name != "" {
		l.next = name
		return
	}
	if name, value, ok := strings.Cut(line, ":"); ok {
		if name = labelName(strings.Trim(name, "*")); name != "" {
			l.value(name, strings.Trim(strings.TrimPrefix(value, "*"), " \t"))
			return
		}
	}
	// The dashboard has the path in one line, and the ID in the next.
	if id, ok := strings.CutPrefix(line, "ID "); ok && isPlain(id) && hasDigit(id) {
		l.add(mention{id: id, path: above, doubtful: !isWholePath(above)})
		return
	}
	if id := summaryID(line); id != "" {
		path, _, _ := strings.Cut(line, ": ")
		l.add(mention{id: id, path: path, doubtful: !isWholePath(path)})
	}
}

func labelName(name string) string {
	switch name {
	case "Lock ID", "LockID", "Lock-ID", "State", "Path":
		return name
	case "lock_id", "LOCK ID", "lock id":
		return "Lock ID"
	}
	return ""
}

func (l *labelled) value(name, value string) {
	switch {
	case name == "State" || name == "Path":
		l.state(strings.TrimPrefix(value, "s3://"))
	case name == "LockID" && isPath(value): // the key of a row in the lock table
		l.state(stateName(value))
	case isPlain(value):
		l.add(mention{id: value})
	default:
		l.refuse(notPlain(value))
	}
}

// state keeps a path. Of very many the first are enough, since they differ.
func (l *labelled) state(path string) {
	if mayBePath(path) && len(l.paths) < shownLocks && !l.knows(path) {
		l.paths = append(l.paths, mention{path: path, doubtful: !isWholePath(path), labelled: true})
	}
}

func (l *labelled) knows(path string) bool {
	for _, p := range l.paths {
		if p.path == path {
			return true
		}
	}
	return false
}

// summaryID is the ID at the end of a line of a summary in our mail, "…, held for 45m,
// likely dead, ID x". A second "ID" on the line is somebody else's.
func summaryID(line string) string {
	rest, id, ok := strings.Cut(line, ", ID ")
	if !ok || !strings.Contains(rest, ", held for ") || strings.Contains(rest, " ID ") || !isPlain(id) {
		return ""
	}
	return id
}

// readTable reads a table that has a column of IDs: `lockwarden locks`, or one in
// Markdown. A line whose columns are not as many as the heading's is no row of it; where it has
// an ID all the same, a holder may have written what separates columns, and it is unknown which
// row people read.
func readTable(text string) (found reading) {
	id, path, columns := -1, -1, 0
	for line := range strings.SplitSeq(text, "\n") {
		cells := splitCells(line)
		if at, state := headingCells(cells); at >= 0 {
			id, path, columns = at, state, len(cells)
			continue
		}
		if id >= 0 && len(cells) > columns && slices.ContainsFunc(cells, isUUID) {
			found.refuse(fmt.Errorf("%w: a row of the table has %d columns, and its heading %d; give the one ID that is meant", ErrTwoLocks, len(cells), columns))
			return found
		}
		if id < 0 || len(cells) != columns || !isPlain(cells[id]) || !hasDigit(cells[id]) {
			continue
		}
		m := mention{id: cells[id]}
		if path >= 0 && mayBePath(cells[path]) {
			m.path, m.doubtful = cells[path], !isWholePath(cells[path])
		}
		found.add(m)
	}
	return found
}

func headingCells(cells []string) (id, path int) {
	id, path = -1, -1
	if len(cells) < 2 {
		return id, path
	}
	for i, cell := range cells {
		switch strings.ToLower(cell) {
		case "id", "lock id", "lock_id":
			id = i
		case "state", "path":
			path = i
		}
	}
	return id, path
}

func splitCells(line string) []string {
	line = strings.Trim(line, " \t>")
	var cells []string
	switch {
	case strings.Contains(line, "|"):
		cells = strings.Split(strings.Trim(line, "|"), "|")
	case strings.Contains(line, "\t"):
		cells = strings.Split(line, "\t")
	default:
		for cell := range strings.SplitSeq(line, "  ") {
			if strings.TrimSpace(cell) != "" {
				cells = append(cells, cell)
			}
		}
	}
	for i := range cells {
		cells[i] = strings.Trim(cells[i], " \t`*")
	}
	return cells
}
