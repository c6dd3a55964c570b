package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindRepair = "repair"
	// keepRepairs is how long a repair stays on record.
	keepRepairs = 365 * 24 * time.Hour
)

// Repair is the record of a repair. It is made before anything is written, so that a
// repeat knows what a dead invocation began.
type Repair struct {
	At          time.Time              `json:"at"`
	Request     string                 `json:"request"` // Lambda's ID of the invocation
	Path        tflock.Path            `json:"path"`
	Action      policy.RepairAction    `json:"action"`
	VersionID   string                 `json:"version_id,omitempty"` // the version that was restored
	Target      string                 `json:"target,omitempty"`     // MD5 of that version's bytes
	Reason      string                 `json:"reason"`
	RequestedBy string                 `json:"requested_by"`
	Before      policy.StateAndDigests `json:"before"`
	After       policy.StateAndDigests `json:"after"`          // as far as it went; what was there before, until it is done
	Rows        []DigestRow            `json:"rows"`           // the digests that there were
	Done        bool                   `json:"done"`           // false: its invocation died, or failed
	Stopped     bool                   `json:"stopped"`        // it ended without being done, and its caller knows what is different
	Part        string                 `json:"part,omitempty"` // of one that stopped: what it wrote, and what is left, in words; empty where nothing that it wrote is there
	Reported    bool                   `json:"reported"`       // people were notified of it
}

// DigestRow is one digest in a table.
type DigestRow struct {
	Table string      `json:"table"` // ARN
	Name  tflock.Path `json:"name"`  // the state's path as the row has it
	Value string      `json:"value"`
}

// Repairs are the records of repairs.
type Repairs struct{ table table }

// NewRepairs opens the records in the ledger's table of that name.
func NewRepairs(client *dynamodb.Client, name string) *Repairs {
	return &Repairs{table{client, name}}
}

// repairPrefix hashes the path, which may be longer than a sort key.
func repairPrefix(path tflock.Path) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:]) + " "
}

// Write records a repair, or brings its record up to date: path and time name it.
func (r *Repairs) Write(ctx context.Context, record Repair) error {
	record.Reason, record.RequestedBy = cut(record.Reason, maxAsked), cut(record.RequestedBy, maxAsked)
	body, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("record the repair: %w", err)
	}
	row := rowKey(kindRepair, repairPrefix(record.Path)+record.At.UTC().Format("2006-01-02T15:04:05.000000000Z"))
	row[attrPath], row[attrBody], row[attrExpires] = text(string(record.Path)), text(string(body)), number(record.At.Add(keepRepairs).Unix())
	if _, err := r.table.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &r.table.name, Item: row}); err != nil {
		return fmt.Errorf("record the repair in the ledger %s: %w", r.table.name, err)
	}
	return nil
}

// Of returns the repairs of a state, the newest first.
func (r *Repairs) Of(ctx context.Context, path tflock.Path) ([]Repair, error) {
	query := ofKind(kindRepair)
	query.KeyConditionExpression = aws.String("#kind = :kind AND begins_with(#id, :path)")
	query.ExpressionAttributeNames["#id"] = attrID
	query.ExpressionAttributeValues[":path"] = text(repairPrefix(path))
	query.ScanIndexForward = aws.Bool(false)
	var all []Repair
	for row, err := range r.table.query(ctx, query) {
		if err != nil {
			return nil, err
		}
		var record Repair
		if err := json.Unmarshal([]byte(textOf(row, attrBody)), &record); err != nil {
			return nil, fmt.Errorf("a record of a repair of %s in the ledger %s cannot be read: %w", path, r.table.name, err)
		}
		all = append(all, record)
	}
	return all, nil
}

// Written is a version of a state that a repair wrote or, where nobody recorded how it
// ended, may have written.
type Written struct {
	VersionID string // empty where it is not on record
	MD5       string // of its bytes
	From, To  time.Time
}

// MayBe reports whether it may be that version: its ID is on record or, where none is, the time
// is that of the repair.
func (w Written) MayBe(versionID string, modified time.Time) bool {
	if w.VersionID != "" {
		return w.VersionID == versionID
	}
	return !modified.Before(w.From) && !modified.After(w.To)
}

const (
	// lifetime is the longest that an invocation lives, and skew how far its clock and S3's
	// may differ.
	lifetime = 15 * time.Minute
	skew     = time.Minute
)

// Accepted returns when repairs began to write digests of states that they had not written.
func (r *Repairs) Accepted(ctx context.Context, path tflock.Path) ([]time.Time, error) {
	all, err := r.Of(ctx, path)
	var times []time.Time
	for _, repair := range all {
		if repair.Action == policy.AcceptState {
			times = append(times, repair.At)
		}
	}
	return times, err
}

// Written returns what repairs wrote of a state, the newest first. A repair is on record
// before it writes, so that this has everything that was written before the call.
func (r *Repairs) Written(ctx context.Context, path tflock.Path) ([]Written, error) {
	all, err := r.Of(ctx, path)
	if err != nil {
		return nil, err
	}
	var written []Written
	for _, repair := range all {
		if w, ok := repair.written(); ok {
			written = append(written, w)
		}
	}
	return written, nil
}

// written is what the repair wrote. It is false where it had no state to write.
func (r Repair) written() (Written, bool) {
	if r.Action != policy.RestoreVersion || r.Before.StateMD5 == r.Target {
		return Written{}, false
	}
	w := Written{MD5: r.Target, From: r.At.Add(-skew), To: r.At.Add(lifetime + skew)}
	if r.After.StateMD5 == r.Target && r.After.VersionID != r.Before.VersionID {
		w.VersionID = r.After.VersionID
	}
	return w, true
}
