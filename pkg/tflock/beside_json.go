package tflock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// unfolded returns a text with the members of its JSON objects as lines, "name: value". The values of
// one member in several objects follow each other: loggers make an object of every line that a client
// prints.
func unfolded(text string) string {
	if !strings.ContainsAny(text, "{[") {
		return text
	}
	u := unfolding{streams: map[string]*strings.Builder{}}
	var rest strings.Builder
	budget := 8 * len(text)
	from := 0
	for at := 0; at < len(text) && budget > 0; at++ {
		if !beginsJSON(text[at:]) {
			continue
		}
		end, ok := jsonEnd(text[at:], &budget)
		if !ok {
			continue
		}
		if budget -= end; !u.read(text[at : at+end]) {
			continue
		}
		if before := text[from:at]; strings.TrimSpace(before) != "" { // what is between lines of JSON is no distance
			rest.WriteString(before + "\n")
		}
		at += end - 1
		from = at + 1
	}
	if from == 0 {
		return text
	}
	rest.WriteString(text[from:])
	if u.size > 8*len(text)+longestUnderstood { // of names in names
		return text
	}
	for _, name := range u.order {
		rest.WriteString("\n" + u.streams[name].String())
	}
	return rest.String()
}

// unfolding are the values of members by their whole name.
type unfolding struct {
	streams map[string]*strings.Builder
	order   []string
	size    int // of the names
}

// read adds a value. It is false, and adds nothing, where that is not JSON.
func (u *unfolding) read(raw string) bool {
	if !json.Valid([]byte(raw)) {
		return false
	}
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var open []member
	for {
		token, err := decoder.Token()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		open = u.token(open, token)
	}
}

// member is where the reading of an object or array is.
type member struct {
	object, named, empty bool
	name                 string
}

// token takes the next token of a value, and returns what is open behind it.
func (u *unfolding) token(open []member, token json.Token) []member {
	last := len(open) - 1
	if token == json.Delim('}') || token == json.Delim(']') {
		if open[last].empty {
			u.add(open, "")
		}
		return open[:last]
	}
	if last >= 0 {
		open[last].empty = false
		if name, ok := token.(string); ok && open[last].object && !open[last].named {
			open[last].name, open[last].named = name, true
			return open
		}
		open[last].named = false
	}
	switch v := token.(type) {
	case json.Delim:
		return append(open, member{object: v == '{', empty: true})
	case nil:
		u.add(open, "null")
	default:
		u.add(open, fmt.Sprint(v))
	}
	return open
}

func (u *unfolding) add(open []member, value string) {
	var names []string
	for _, m := range open {
		if m.object && m.name != "" {
			names = append(names, m.name)
		}
	}
	name := strings.Join(names, " ")
	if u.size += len(name); u.size > maxText {
		return
	}
	b, known := u.streams[name]
	if !known {
		b = &strings.Builder{}
		u.streams[name] = b
		u.order = append(u.order, name)
		if name != "" {
			b.WriteString(name + ": ")
		}
	}
	value = strings.TrimSuffix(value, "\n") + "\n"
	said, first := b.String(), name+": "+value
	again := strings.HasSuffix(said, "\n"+value) || said == first // which says nothing, but a line without a word between others does
	if !again || !strings.ContainsFunc(value, counts) && said != first {
		b.WriteString(value)
	}
}
