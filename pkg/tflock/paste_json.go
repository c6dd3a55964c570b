package tflock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// json reads the JSON objects and arrays in a text, and returns the text without them.
//
// An object that is a lock, a row of a lock table, or a message of ours names a lock by
// its fields. Of any other the strings are read, those of the same field one below the
// other: loggers make an object of every line that a client prints.
func (r *reader) json(text string, depth int, exact bool) (rest string, found reading) {
	if depth > maxDepth || !strings.ContainsAny(text, "{[") {
		return text, found
	}
	w := walker{exact: exact, strings: map[string]*strings.Builder{}}
	var b strings.Builder
	budget := 8 * len(text) // of bytes that may be looked at: a text of braces stays linear
	whole := strings.TrimSpace(text)
	from, value := 0, behindLabel(text)
	for at := 0; at < len(text) && budget > 0 && !r.spent(); at++ {
		if text[at] == '\n' {
			value = at + 1 + behindLabel(text[at+1:])
		}
		if !beginsJSON(text[at:]) || at >= value {
			continue
		}
		end, ok := jsonEnd(text[at:], &budget)
		if !ok {
			continue
		}
		raw := text[at : at+end]
		budget -= len(raw)
		r.budget -= dearest // a text may have very many short values
		if !w.read(raw, whole == raw) {
			continue
		}
		b.WriteString(text[from:at] + "\n")
		at += end - 1
		from = at + 1
	}
	if from == 0 {
		return text, found
	}
	b.WriteString(text[from:])
	return b.String(), w.result(r, depth)
}

// read walks through a value, which may be the whole text. It is false where that is not
// JSON.
func (w *walker) read(raw string, whole bool) bool {
	value, repeated, ok := decode(raw)
	if !ok {
		return false
	}
	if repeated != "" {
		w.refuse(fmt.Errorf("%w: its JSON has %s twice, and a reader may take either; give the ID that is meant as lock_id, and the state's bucket/key as path, %s", ErrTwoLocks, quote(repeated), asIs))
		return true
	}
	if w.whole = whole; whole {
		w.raw = raw
	}
	w.walk("", 0, value)
	return true
}

// beginsJSON reports whether a text begins with an object, or an array of objects or strings.
func beginsJSON(text string) bool {
	if text[0] != '{' && text[0] != '[' {
		return false
	}
	at := 1
	for at < len(text) && strings.IndexByte(" \t\n", text[at]) >= 0 {
		at++
	}
	return at < len(text) && (text[at] == '"' || text[0] == '[' && text[at] == '{' || text[0] == '{' && text[at] == '}')
}

// jsonEnd finds where the object or array that begins a text ends, by its brackets.
func jsonEnd(text string, budget *int) (int, bool) {
	open, quoted := 0, false
	for i := 0; i < len(text); i++ {
		if *budget--; *budget <= 0 {
			return 0, false
		}
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			if c == '\n' {
				return 0, false
			}
		case c == '{' || c == '[':
			open++
		case c == '}' || c == ']':
			if open--; open == 0 {
				return i + 1, true
			}
		}
	}
	return 0, false
}

// behindLabel is where a value begins in the line that begins a text, behind a label of a client's block or of our alerts: its holder
// chose what follows. It is behind the text where there is no label. A line has very many places that may begin something, and one label.
func behindLabel(text string) int {
	line, _, _ := strings.Cut(text[:min(len(text), longestPrefix)], "\n")
	rest := stripLog(line)
	for _, label := range []string{"ID", "Path", "Operation", "Who", "Version", "Created", "Info", "Lock ID", "State", "Held by", "Lock Info"} {
		if hasLabel(rest, label) {
			return len(line) - len(rest) + strings.IndexByte(rest, ':') + 1
		}
	}
	return len(text) + 1
}

// walker goes through JSON values.
type walker struct {
	reading
	exact   bool                        // the text is as it was: an ID may have any signs
	strings map[string]*strings.Builder // by the path of the field
	order   []string
	whole   bool // the value is the whole text
	raw     string
}

func (w *walker) walk(at string, level int, value any) {
	const deepest = 40
	switch v := value.(type) {
	case string:
		w.keep(at, v)
	case []any:
		for _, item := range v {
			w.walk(at, level+1, item)
		}
	case map[string]any:
		if level > deepest {
			return
		}
		if w.lock(level, v) || w.row(v) || w.ownMessage(at, level, v) {
			w.blocks(at, level, v)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.walk(at+"\x00"+key, level+1, v[key])
		}
	}
}

// blocks keeps the blocks of clients in the strings of an object that names a lock by its
// fields, so that a log line whose message is about another lock contradicts itself. What else
// is in them is anybody's prose.
func (w *walker) blocks(at string, level int, value any) {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "Lock Info") {
			w.keep(at, v)
		}
	case []any:
		for _, item := range v {
			w.blocks(at, level+1, item)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.blocks(at+"\x00"+key, level+1, v[key])
		}
	}
}

func (w *walker) keep(at, text string) {
	b, ok := w.strings[at]
	if !ok {
		b = &strings.Builder{}
		w.strings[at] = b
		w.order = append(w.order, at)
	}
	b.WriteString(text)
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
}

// lock reads a client's lock: what is in a row's Info and in a .tflock object. Alone it
// may be damaged, and is read as a client reads it.
func (w *walker) lock(level int, v map[string]any) bool {
	id, hasID := v["ID"].(string)
	path, hasPath := v["Path"].(string)
	if hasID && hasPath {
		if other := foldedField(v); other != "" {
			w.refuse(fmt.Errorf("%w: the lock's JSON has %s and a second field %s, and a client may read either; give the ID that is meant as lock_id, and the state's bucket/key as path, %s",
				ErrTwoLocks, quote(id), quote(other), asIs))
			return true
		}
		w.named(id, path)
		return true
	}
	if !w.whole || level > 0 || len(v) > 1 && !hasAny(v, "Operation", "Who", "Created", "Version", "Path") {
		return false
	}
	info, err := ParseInfo([]byte(w.raw))
	if err == nil {
		w.named(info.ID, info.Path)
	}
	return err == nil
}

// foldedField returns a field that clients, as encoding/json does, take for the ID or the path
// in another case ("id"); empty where there is none. Of two they take the last.
func foldedField(v map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if name != "ID" && name != "Path" && (strings.EqualFold(name, "ID") || strings.EqualFold(name, "Path")) {
			return name
		}
	}
	return ""
}

// row reads a row of the lock table, as DynamoDB's JSON or plain.
func (w *walker) row(v map[string]any) bool {
	path := attribute(v["LockID"])
	if path == "" {
		return false
	}
	raw := attribute(v["Info"])
	if raw == "" {
		w.add(mention{path: stateName(path)})
		return true
	}
	info, err := ParseInfo([]byte(raw))
	if _, repeated, _ := decode(raw); repeated != "" {
		err = fmt.Errorf("%s twice", quote(repeated))
	}
	if err != nil {
		w.refuse(fmt.Errorf("%w: the row of %s holds %w", ErrNoReference, quote(path), err))
		return true
	}
	w.named(info.ID, stateName(path))
	return true
}

// attribute is a string of DynamoDB.
func attribute(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		s, _ := v["S"].(string)
		return s
	}
	return ""
}

// ownMessage reads an event, an answer, or a request of ours.
func (w *walker) ownMessage(at string, level int, v map[string]any) bool {
	known := false
	if lock, ok := v["lock"].(map[string]any); ok {
		known = w.description(lock)
	}
	if locks, ok := v["locks"].([]any); ok {
		for _, item := range locks {
			if lock, ok := item.(map[string]any); ok && w.description(lock) {
				known = true
			}
		}
	}
	if w.whole && level == 0 && hasAny(v, "verdict", "held_since") {
		known = w.description(v) || known
	}
	id, ok := v["lock_id"].(string)
	if !ok {
		return known
	}
	path, _ := v["path"].(string)
	switch {
	case id == placeholder:
	case path != "" || isPlain(id):
		w.named(id, path)
	default: // a request with a pasted text
		w.keep(at+"\x00lock_id", id)
	}
	return true
}

func (w *walker) description(lock map[string]any) bool {
	id, ok := lock["id"].(string)
	path, named := lock["path"].(string)
	if ok && named {
		w.named(id, path)
	}
	return ok && named
}

func hasAny(v map[string]any, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return v[name] != nil })
}

func (w *walker) named(id, path string) {
	if id == "" || len(id) > maxIDLength || !w.exact && !isPlain(id) {
		w.refuse(notPlain(id))
		return
	}
	w.add(mention{id: id, path: path, doubtful: isMasked(path)})
}

// result reads the strings that were kept.
func (w *walker) result(r *reader, depth int) reading {
	for _, at := range w.order {
		// Whatever names a lock has one of these in it.
		text := w.strings[at].String()
		if strings.Contains(text, "ID") || strings.Contains(text, "ock") {
			w.merge(r.document(text, depth+1))
		}
	}
	return w.reading
}
