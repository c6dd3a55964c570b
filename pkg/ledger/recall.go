package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// RecallLock reads the memory of one lock and of all stores, consistently, in two calls
// however many locks are remembered.
func (t *Table) RecallLock(ctx context.Context, key Key) (Memory, error) {
	m := Memory{Locks: map[Key]Entry{}}
	run, err := t.get(ctx, rowKey(kindRun, monitor))
	if err != nil {
		return m, err
	}
	if m.Stores, err = unpackStores(run[attrBody]); err != nil {
		slog.WarnContext(ctx, "ledger row cannot be read, so when stores were last read is not known", attrKind, kindRun, "error", err)
	}
	row, err := t.get(ctx, lockRowKey(key))
	if err != nil || row == nil {
		return m, err
	}
	entry, err := decodeEntry([]byte(textOf(row, attrBody)), false)
	if err != nil {
		slog.WarnContext(ctx, "ledger row cannot be read, so its lock counts as new", "path", key.Path, "error", err)
		return m, nil
	}
	entry.Expires = time.Unix(numberOf(row, attrExpires), 0)
	m.Locks[key] = entry
	return m, nil
}

func (t *Table) get(ctx context.Context, key map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("read the ledger %s: %w", t.name, err)
	}
	return out.Item, nil
}
