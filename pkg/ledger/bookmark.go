package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindMark = "prune" // its only row: where the last prune stopped
	bookmark = "bookmark"
)

// Mark is where a prune that ran out of time stopped. The zero value is the beginning. With a folder below a
// prefix of the paths it is the beginning too, but for what was examined of that folder.
type Mark struct {
	Bucket string `json:"bucket"` // ARN
	Prefix string `json:"prefix"`
	Key    string `json:"key"` // the last one that was examined

	// Rest says that this was reached after everything else, so that the next prune begins with everything else again.
	Rest bool `json:"rest,omitempty"`

	// Left is where that prune could not release a lock of ours, for a cause that may be of that place alone: a state, or a folder with its slash.
	Left tflock.Path `json:"left,omitempty"`
}

// Mark returns where the last prune stopped.
func (p *Prunes) Mark(ctx context.Context) (Mark, error) {
	row, err := p.table.get(ctx, rowKey(kindMark, bookmark))
	if err != nil {
		return Mark{}, fmt.Errorf("where the last prune stopped: %w", err)
	}
	var m Mark
	if body := textOf(row, attrBody); body != "" {
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			slog.WarnContext(ctx, "ledger row cannot be read, so the prune begins again", attrKind, kindMark, "error", err)
			return Mark{}, nil
		}
	}
	return m, nil
}

// SetMark notes where this prune stopped.
func (p *Prunes) SetMark(ctx context.Context, m Mark) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("record where the prune stopped: %w", err)
	}
	row := rowKey(kindMark, bookmark)
	row[attrBody] = text(string(body))
	if _, err := p.table.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &p.table.name, Item: row}); err != nil {
		return fmt.Errorf("record where the prune stopped, in the ledger %s: %w", p.table.name, err)
	}
	return nil
}
