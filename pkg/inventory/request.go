package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Request is the function's payload. The zero value is what the schedule asks for.
type Request struct {
	Path tflock.Path `json:"path"` // bucket/key of the only state to look at; empty: all
}

const example = `: write {} or {"path": "bucket/key"}`

// ParseRequest reads and checks a payload. A schedule's own event counts as empty; every
// other unknown field is an error, which says what to write instead.
func ParseRequest(payload []byte) (Request, error) {
	var r Request
	if payload = bytes.TrimSpace(payload); len(payload) == 0 || scheduled(payload) {
		return r, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Request{}, payloadError(err)
	}
	if decoder.More() || payload[0] != '{' {
		return Request{}, errors.New("the payload is not one JSON object" + example)
	}
	if r.Path == "" {
		if bytes.Contains(payload, []byte(`"`)) { // an empty variable in a script must not mean everything
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

func payloadError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Errorf("%s must be a %s, not a %s%s", wrong.Field, wrong.Type.Kind(), wrong.Value, example)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("there is no field %s%s", name, example)
	}
	return errors.New("the payload is not a JSON object" + example)
}

// scheduled says whether a payload is what EventBridge sends by itself.
func scheduled(payload []byte) bool {
	var e struct {
		Source string `json:"source"`
		Type   string `json:"detail-type"`
	}
	return json.Unmarshal(payload, &e) == nil && strings.HasPrefix(e.Source, "aws.") && e.Type == "Scheduled Event"
}
