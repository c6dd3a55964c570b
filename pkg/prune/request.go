package prune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/payload"
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
func ParseRequest(event []byte) (Request, error) {
	if event = bytes.TrimSpace(event); len(event) == 0 {
		return Request{}, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(event, &fields); err == nil {
		if done, err := checkFields(event, fields); done || err != nil {
			return Request{}, err
		}
	}
	var r Request
	err := payload.Decode(event, &r)
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
func checkFields(event []byte, fields map[string]json.RawMessage) (done bool, err error) {
	if payload.Scheduled(event) {
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
