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
	var objects []map[string]bool // the members of each open object; nil for an array
	isName := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		inObject := len(objects) > 0 && objects[len(objects)-1] != nil
		delim, isDelim := token.(json.Delim)
		switch {
		case isDelim && (delim == '}' || delim == ']'):
			objects = objects[:len(objects)-1]
			isName = len(objects) > 0 && objects[len(objects)-1] != nil
			continue
		case inObject && isName:
			name, _ := token.(string)
			folded := strings.ToLower(name)
			if members := objects[len(objects)-1]; slices.Contains(naming, folded) {
				if members[folded] {
					return name
				}
				members[folded] = true
			}
			isName = false
			continue
		case isDelim && delim == '{':
			objects, isName = append(objects, map[string]bool{}), true
			continue
		case isDelim:
			objects, isName = append(objects, nil), false
			continue
		}
		isName = inObject
	}
}
