package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Pruned is the record of a state whose lock prune takes to delete it or to bring it
// back. It is made before the lock, so that whatever a crash leaves is found by the next
// run: the lock, and a delete that was not reported. People see in it what can be
// restored.
type Pruned struct {
	At        time.Time    `json:"at"`
	Owner     string       `json:"owner"`               // unique to the run that made it
	Request   string       `json:"request"`             // Lambda's ID of the invocation, the same when it is repeated
	Until     time.Time    `json:"until"`               // that invocation is dead by then
	Reported  bool         `json:"reported"`            // the report with it is out
	Restoring bool         `json:"restoring,omitempty"` // made for a restore: there is nothing to report
	Left      string       `json:"left,omitempty"`      // the bytes of a lock that the run could not release
	Lost      bool         `json:"lost,omitempty"`      // S3 kept no version of its bytes, so that it cannot be restored
	State     policy.Stale `json:"state"`
}

// Size is how many bytes the record takes at most, as far as its maker cannot bound it: some characters of a path take six in JSON.
func (p Pruned) Size() int {
	const rest = 1 << 10
	path, _ := json.Marshal(p.State.Path) // a string always marshals
	return rest + len(p.State.Path) + len(path)
}

// prunedKey hashes the path, which may be longer than a sort key. A restore has a row of
// its own: the one of the prune stays until it has succeeded.
func prunedKey(path tflock.Path, restoring bool) map[string]types.AttributeValue {
	if restoring {
		path += "\x00restore"
	}
	sum := sha256.Sum256([]byte(path))
	return rowKey(kindPruned, hex.EncodeToString(sum[:]))
}

func prunedRow(p Pruned) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("prune of %s cannot be recorded: %w", p.State.Path, err)
	}
	row := prunedKey(p.State.Path, p.Restoring)
	row[attrOwner], row[attrUntil] = text(p.Owner), number(p.Until.Unix())
	row[attrOf] = text(p.State.VersionID + " of " + p.State.LastModified.UTC().Format(time.RFC3339))
	if !p.Reported {
		row[attrUnreported] = text("yes")
	}
	row[attrPath], row[attrBody], row[attrExpires] = text(string(p.State.Path)), text(string(body)), number(p.At.Add(keepPruned).Unix())
	return row, nil
}
