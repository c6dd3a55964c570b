package inventory

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Request is the function's payload. The zero value is what the schedule asks for.
type Request struct {
	Path tflock.Path `json:"path"` // bucket/key of the only state to look at; empty: all
}

const example = `: write {} or {"path": "bucket/key"}`

// ParseRequest reads and checks a payload. A schedule's own event counts as empty; every
// other unknown field is an error, which says what to write instead.
func ParseRequest(event []byte) (Request, error) {
	var r Request
	if event = bytes.TrimSpace(event); len(event) == 0 || payload.Scheduled(event) {
		return r, nil
	}
	if err := payload.Decode(event, &r); err != nil {
		return Request{}, fmt.Errorf("%w%s", err, example)
	}
	if r.Path == "" {
		if bytes.Contains(event, []byte(`"`)) { // an empty variable in a script must not mean everything
			return Request{}, errors.New("path is empty" + example)
		}
		return r, nil
	}
	path, err := backend.ParseStatePath(string(r.Path))
	if err != nil {
		return Request{}, fmt.Errorf("path: %w%s", err, example)
	}
	return Request{Path: path}, nil
}
