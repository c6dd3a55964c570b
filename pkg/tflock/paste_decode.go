package tflock

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// naming are the members that name a lock or a state, in lower case.
var naming = []string{"id", "path", "lock_id", "lockid", "info", "lock", "locks"}

// decode reads a JSON value, whatever its numbers. repeated is a member that an object has
// twice, also in another case: of two, one reader takes the first, and another the last.
func decode(raw string) (value any, repeated string, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil, "", false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, "", false
	}
	decoder = json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	return value, repeatedMember(decoder), true
}

// repeatedMember reads one value of what is known to be JSON.
func repeatedMember(decoder *json.Decoder) string {
	var open []container
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		last := len(open) - 1
		if delim, isDelim := token.(json.Delim); isDelim && (delim == '}' || delim == ']') {
			open = open[:last]
			continue
		}
		if last >= 0 && open[last].takesName() {
			if name, _ := token.(string); open[last].repeats(name) {
				return name
			}
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, container{members: map[string]bool{}})
		case json.Delim('['):
			open = append(open, container{})
		}
	}
}

// container is an object that is being read, or an array, which has no members.
type container struct {
	members map[string]bool
	named   bool // a member's name was read, and its value comes next
}

// takesName reports whether the next token is the name of a member, and not a value.
func (c *container) takesName() bool {
	c.named = c.members != nil && !c.named
	return c.named
}

// repeats notes a member's name, and reports whether it is one that names a lock and was there before.
func (c *container) repeats(name string) bool {
	folded := strings.ToLower(name)
	before := c.members[folded]
	c.members[folded] = slices.Contains(naming, folded)
	return before
}
