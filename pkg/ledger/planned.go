package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindPlanned = "planned"
	// keepPlanned is how long a planned release stays on record, however its lock ended.
	keepPlanned = 40 * 24 * time.Hour
)

// PlannedRelease is the record of a release that was planned, the last one of each lock: people
// were notified that the lock will be released, or in report mode that it could be.
type PlannedRelease struct {
	Key    `json:"-"`
	At     time.Time        `json:"at"` // end of the scan that planned it
	Mode   policy.AutoMode  `json:"mode"`
	Source policy.RunSource `json:"source"`
	RunID  string           `json:"run_id"`
	Ended  time.Time        `json:"ended"` // of the run
}

func putPlanned(p PlannedRelease) (types.WriteRequest, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return types.WriteRequest{}, fmt.Errorf("record in the ledger: %w", err)
	}
	row := rowKey(kindPlanned, textOf(lockRowKey(p.Key), attrID))
	row[attrPath], row[attrLockID], row[attrBody] = text(string(p.Path)), text(p.ID), text(string(body))
	row[attrExpires] = number(p.At.Add(keepPlanned).Unix())
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, nil
}

// PlannedReleases returns the releases that were planned within the last 40 days. It ends
// with the first error.
func (a *AutoReleases) PlannedReleases(ctx context.Context) iter.Seq2[PlannedRelease, error] {
	return func(yield func(PlannedRelease, error) bool) {
		for row, err := range a.table.query(ctx, ofKind(kindPlanned)) {
			if err != nil {
				yield(PlannedRelease{}, err)
				return
			}
			p := PlannedRelease{Key: Key{tflock.Path(textOf(row, attrPath)), textOf(row, attrLockID)}}
			if err := json.Unmarshal([]byte(textOf(row, attrBody)), &p); err != nil {
				slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", attrKind, kindPlanned, "error", err)
				continue
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}
