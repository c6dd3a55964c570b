package tflock

import "strings"

// readOneLine reads a block whose lines were joined to one. There are no others of it.
func readOneLine(line, lines string) (found reading) {
	before, rest := separator(line)
	_, rest, _ = strings.Cut(rest, ":")
	id, rest := word(strings.TrimLeft(rest, " \t"))
	id, mark := cutMark(id)
	between, tail := separator(rest)
	switch {
	case !isPlain(id):
		found.refuse(notPlain(id))
		return found
	case !hasLabel(tail, "Path"):
		if strings.Contains(tail, "Path:") || strings.Contains(lines, "Path:") {
			found.refuse(notPlain(id + " " + tail))
			return found
		}
		found.add(mention{id: id})
		return found
	case before != between:
		found.refuse(notPlain(id + " " + between))
		return found
	}
	_, path, _ := strings.Cut(tail, ":")
	path, behind, whole := strings.Cut(path, "Operation:")
	path, pathMark := cutMark(strings.TrimRight(strings.TrimSpace(path), " \t│|>"))
	m := mention{id: id, path: path}
	if strings.Contains(behind, "ID: ") || strings.Contains(path, "ID: ") || strings.Contains(behind+path, "Path:") ||
		whole && mark != pathMark || !whole && strings.Contains(lines, "Path:") {
		found.refuse(notPlain(id + mark + " …"))
		return found
	}
	if !whole && m.path != "" { // it was cut, or something else follows the path
		first, _ := word(m.path)
		m.path = first + "…"
	}
	m.doubtful = m.path != "" && !isWholePath(m.path)
	found.add(m)
	return found
}

// cutMark takes off what may separate joined lines.
func cutMark(text string) (rest, mark string) {
	rest = strings.TrimRight(text, ",;")
	return rest, text[len(rest):]
}

// separator takes the blanks and marks off that stand between joined lines.
func separator(text string) (marks, rest string) {
	rest = strings.TrimLeft(text, " \t│|>,;/")
	return strings.Join(strings.Fields(text[:len(text)-len(rest)]), ""), rest
}

func word(text string) (first, rest string) {
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}
