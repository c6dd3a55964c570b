package repair

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Request is the function's payload.
type Request struct {
	Path        tflock.Path         `json:"path"` // bucket/key of the state
	Action      policy.RepairAction `json:"action"`
	VersionID   string              `json:"version_id"` // of restore_version alone
	Reason      string              `json:"reason"`     // why; required unless DryRun
	RequestedBy string              `json:"requested_by"`
	DryRun      bool                `json:"dry_run"` // say what would happen, take no lock
	// StateMD5 is of the state that a dry run showed to whoever asks. Where another one is
	// there by now, nothing is touched. Empty: whatever is there.
	StateMD5 string `json:"state_md5"`
}

const example = `, for example {"path": "my-states/network/terraform.tfstate", "action": "accept_state", "reason": "its digest was not written", "requested_by": "me"}`

// ParseRequest reads and checks a payload. Its error says what to write instead.
func ParseRequest(event []byte) (Request, error) {
	var r Request
	err := payload.Decode(event, &r)
	if err == nil {
		err = r.check()
	}
	if err == nil {
		r.Path, err = backend.ParseStatePath(string(r.Path))
	}
	if err != nil {
		return r, fmt.Errorf("%w%s", err, example)
	}
	return r, nil
}

func (r Request) check() error {
	switch {
	case strings.TrimSpace(string(r.Path)) == "":
		return errors.New("path is missing")
	case !slices.Contains(policy.RepairActions, r.Action):
		return fmt.Errorf("action is %q: it must be accept_state, delete_digest or restore_version", r.Action)
	case r.Action == policy.RestoreVersion && r.VersionID == "":
		return errors.New("version_id is missing: name the version whose bytes are to be the state again")
	case r.Action != policy.RestoreVersion && r.VersionID != "":
		return fmt.Errorf("version_id goes with restore_version alone, and not with %s", r.Action)
	case !r.DryRun && strings.TrimSpace(r.Reason) == "":
		return errors.New("reason is missing: say why, for the record")
	}
	return nil
}
