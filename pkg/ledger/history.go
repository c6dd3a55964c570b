package ledger

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindPast = "past"
	// KeepPast is how long a lock stays in the history after its end.
	KeepPast = 40 * 24 * time.Hour
)

// History is the locks that have ended, for 40 days. The monitor writes it, in the calls
// that forget the locks.
type History struct{ table table }

// NewHistory opens the history in the ledger's table of that name.
func NewHistory(client *dynamodb.Client, name string) *History { return &History{table{client, name}} }

// Past returns the locks that have ended, in the order in which scans saw them first. It
// ends with the first error.
func (h *History) Past(ctx context.Context) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		for row, err := range h.table.query(ctx, ofKind(kindPast)) {
			if err != nil {
				yield(Past{}, err)
				return
			}
			p := Past{Path: tflock.Path(textOf(row, attrPath)), ID: textOf(row, attrLockID)}
			if err := json.Unmarshal([]byte(textOf(row, attrBody)), &p); err != nil {
				slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", "path", p.Path, "error", err)
				continue
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}
