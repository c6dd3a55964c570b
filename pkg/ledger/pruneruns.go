package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
	kindPruneRun = "prune-run"
	// keepPruneRuns is how long the counts of a prune stay on record.
	keepPruneRuns = 40 * 24 * time.Hour
)

// PruneRun is what one prune did, in numbers.
type PruneRun struct {
	At           time.Time `json:"at"`                      // its end
	Pruned       int       `json:"pruned"`                  // those of earlier runs that died included
	Abandoned    int       `json:"abandoned"`               // stale, and still managing infrastructure
	StoppedEarly bool      `json:"stopped_early,omitempty"` // time ran out, so there may be more
	Continued    bool      `json:"continued,omitempty"`     // it went on with a pass of the one before
}

// Abandoned is what the last pass over all states found: the last run, and those that it
// continued. It is partial where the last run stopped early, or the one that it continued is
// not on record. The runs are in their order.
func Abandoned(runs []PruneRun) (n int, partial bool) {
	for i, run := range slices.Backward(runs) {
		n += run.Abandoned
		if last := i == len(runs)-1; last {
			partial = run.StoppedEarly
		}
		switch {
		case !run.Continued:
			return n, partial
		case i > 0 && !runs[i-1].StoppedEarly: // the run that stopped was not recorded
			return n, true
		}
	}
	return n, partial || len(runs) > 0
}

// RecordRun records what a prune did.
func (p *Prunes) RecordRun(ctx context.Context, run PruneRun) error {
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("record the prune: %w", err)
	}
	row := rowKey(kindPruneRun, run.At.UTC().Format(time.RFC3339Nano))
	row[attrBody], row[attrExpires] = text(string(body)), number(run.At.Add(keepPruneRuns).Unix())
	if _, err := p.table.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &p.table.name, Item: row}); err != nil {
		return fmt.Errorf("record the prune in the ledger %s: %w", p.table.name, err)
	}
	return nil
}

// Runs returns what the prunes of the last 40 days did, the oldest first.
func (p *Prunes) Runs(ctx context.Context) ([]PruneRun, error) {
	var runs []PruneRun
	for row, err := range p.table.query(ctx, ofKind(kindPruneRun)) {
		if err != nil {
			return nil, err
		}
		var run PruneRun
		if err := json.Unmarshal([]byte(textOf(row, attrBody)), &run); err != nil {
			slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", attrKind, kindPruneRun, "error", err)
			continue
		}
		runs = append(runs, run)
	}
	return runs, nil
}
