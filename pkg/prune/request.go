package prune

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
	DryRun  bool        `json:"dry_run"` // say what would happen, touch nothing
	Restore tflock.Path `json:"restore"` // the state to bring back; no prune then
}

const example = `: write {}, {"dry_run": true} or {"restore": "bucket/key"}`

// ParseRequest reads and checks a payload. A schedule's own event counts as empty;
// every other unknown field is an error, since a misspelt dry_run must not delete. The
// error says what to write instead.
func ParseRequest(payload []byte) (Request, error) {
	if payload = bytes.TrimSpace(payload); len(payload) == 0 {
		return Request{}, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err == nil {
		if done, err := checkFields(payload, fields); done || err != nil {
			return Request{}, err
		}
	}
	r, err := decode(payload)
	if err == nil && r.Restore != "" {
		r.Restore, err = restorePath(r)
	}
	if err != nil {
		return r, fmt.Errorf("%w%s", err, example)
	}
	return r, nil
}

// checkFields refuses what a decoder would let pass. done says that the payload is a
// schedule's own event, which asks for nothing.
func checkFields(payload []byte, fields map[string]json.RawMessage) (done bool, err error) {
	if fields == nil {
		return false, errors.New("the payload is not a JSON object" + example)
	}
	if scheduled(payload) {
		if fields["dry_run"] != nil || fields["restore"] != nil {
			return false, errors.New("a schedule's own event takes no dry_run and no restore" + example)
		}
		return true, nil
	}
	for name, value := range fields { // an empty variable in somebody's script must not delete
		switch string(value) {
		case "null":
			return false, fmt.Errorf("%s is null%s", name, example)
		case `""`:
			return false, fmt.Errorf("%s is empty%s", name, example)
		}
	}
	return false, nil
}

func decode(payload []byte) (r Request, err error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return r, fmt.Errorf("%s must be a %s, not a %s", wrong.Field, wrong.Type.Kind(), wrong.Value)
		}
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return r, fmt.Errorf("there is no field %s", name)
		}
		return r, errors.New("the payload is not a JSON object")
	}
	if decoder.More() {
		return r, errors.New("the payload has something after its JSON object")
	}
	return r, nil
}

func restorePath(r Request) (tflock.Path, error) {
	path, err := backend.ParseStatePath(string(r.Restore))
	if err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	if r.DryRun {
		return "", errors.New("a restore has no dry run: it writes only where there is no state")
	}
	return path, nil
}

// scheduled says whether a payload is what EventBridge sends by itself.
func scheduled(payload []byte) bool {
	var e struct {
		Source string `json:"source"`
		Type   string `json:"detail-type"`
	}
	return json.Unmarshal(payload, &e) == nil && strings.HasPrefix(e.Source, "aws.") && e.Type == "Scheduled Event"
}
