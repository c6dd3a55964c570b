package unlock

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Request is the function's payload.
type Request struct {
	LockID      string `json:"lock_id"`      // the ID, or the whole error text pasted from the client; with Path the ID literally
	Path        string `json:"path"`         // bucket/key of the state: only the lock on it is meant; empty: not said
	Reason      string `json:"reason"`       // why; required unless DryRun
	RequestedBy string `json:"requested_by"` // who asks, for the record
	Force       bool   `json:"force"`        // release although it may be alive
	DryRun      bool   `json:"dry_run"`      // say what would happen, touch nothing
	Keep        bool   `json:"keep"`         // release nothing: the lock is to stay, and is not released automatically

	lock      tflock.Reference
	elsewhere *elsewhere // of an automatic release; nil: nobody has looked yet
}

const example = `, for example {"lock_id": "78007e4f-7284-5b8c-b34c-620445a03e9c", "reason": "laptop died, run is over", "requested_by": "me"}`

// ParseRequest reads and checks a payload. Its error says what to write instead.
func ParseRequest(event []byte) (Request, error) {
	var r Request
	if err := payload.Decode(event, &r); err != nil {
		return r, fmt.Errorf("%w%s", err, example)
	}
	if strings.TrimSpace(r.LockID) == "" {
		return r, errors.New("lock_id is missing" + example)
	}
	if r.Force && r.automatic() {
		return r, errors.New("nothing is released automatically with force: " + policy.AutoRequester + " is the name of automatic releases" + example)
	}
	if strings.TrimSpace(r.Reason) == "" && !r.DryRun && !r.Keep {
		return r, errors.New("reason is missing: say why it is safe to release this lock, for the record" + example)
	}
	if strings.HasPrefix(r.Path, "s3://") {
		return r, errors.New("path must be bucket/key of the state, for example my-states/network/terraform.tfstate" + example)
	}
	if r.Path != "" {
		// What a lock says of itself is chosen by whoever wrote it: next to a path it is
		// an ID and nothing else.
		r.lock = tflock.Reference{ID: r.LockID, Path: r.Path}
		return r, nil
	}
	var err error
	r.lock, err = tflock.ParseReference(r.LockID)
	return r, err
}
