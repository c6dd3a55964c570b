package ledger

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindLock = "lock" // one row a lock: what was seen of it, and what people were notified of
	kindScan = "scan" // its only row: the stores, the last scan, and the lease
	monitor  = "monitor"

	attrScan  = "scan"  // start of the last scan that was recorded, in Unix milliseconds
	attrSince = "since" // the same of the first one
	attrLeft  = "left"  // the same of the last one without a store that was watched before
)

// Notifications is what was seen of each lock and store and what people were notified of,
// with the lease that lets one invocation at a time notify.
type Notifications struct{ table table }

// NewNotifications opens them in the ledger's table of that name.
func NewNotifications(client *dynamodb.Client, name string) *Notifications {
	return &Notifications{table{client, name}}
}

// Recall reads the memory of all locks, consistently, without the lease: their descriptions
// are not in it.
func (n *Notifications) Recall(ctx context.Context) (Memory, error) {
	scan, err := n.table.get(ctx, rowKey(kindScan, monitor))
	if err != nil {
		return Memory{}, err
	}
	m, _, err := n.recall(ctx, scan, &recalled{most: maxRecalled, lean: true}, func(key Key) (Key, bool) { return key, false })
	return m, err
}

// RecallLock reads the memory of one lock and of all stores, consistently, in two calls
// however many locks are remembered.
func (n *Notifications) RecallLock(ctx context.Context, key Key) (Memory, error) {
	scan, err := n.table.get(ctx, rowKey(kindScan, monitor))
	if err != nil {
		return Memory{Locks: map[Key]Entry{}}, err
	}
	m := remembered(ctx, scan)
	row, err := n.table.get(ctx, lockRowKey(key))
	if err != nil || row == nil {
		return m, err
	}
	if entry, ok := entryOf(ctx, row, key, false); ok {
		m.Locks[key] = entry
	}
	return m, nil
}

// remembered is the memory of the stores, without a lock.
func remembered(ctx context.Context, scan map[string]types.AttributeValue) Memory {
	stores, err := unpackStores(scan[attrBody])
	if err != nil {
		// Without it failures are notified again and ages lose a bound: better than silence.
		slog.WarnContext(ctx, "ledger row cannot be read, so when stores were last read is not known", attrKind, kindScan, "error", err)
	}
	return Memory{Locks: map[Key]Entry{}, Stores: stores}
}

// maxDescriptions is how many descriptions are kept whole: no message has room for more. Of the
// others the reasons, which are most of them, are not.
const maxDescriptions = 1000

// recall reads the memory of all locks, beside the row of the last scan, and returns the rows for
// which there was no room. held gives the key of a lock that a scan saw, whose texts are kept there.
func (n *Notifications) recall(ctx context.Context, scan map[string]types.AttributeValue, room *recalled, held func(Key) (Key, bool)) (Memory, []string, error) {
	m := remembered(ctx, scan)
	shared, descriptions := texts{}, 0
	for row, err := range n.table.query(ctx, ofKind(kindLock)) {
		if err != nil {
			return Memory{}, room.surplus, err
		}
		key, seen := held(Key{tflock.Path(textOf(row, attrPath)), textOf(row, attrLockID)})
		if !seen && !room.reserve(key, row) {
			continue
		}
		entry, ok := entryOf(ctx, row, key, !seen && !room.lean)
		if !ok {
			continue
		}
		entry.Stores = shared.of(entry.Stores)
		if entry.Description != nil {
			if descriptions++; descriptions > maxDescriptions {
				entry.Description.Evidence.Reasons = nil
			}
		}
		m.Locks[key] = entry
	}
	return m, room.surplus, nil
}

// entryOf reads a lock's row. One that cannot be read counts as none: an alert twice is
// better than none.
func entryOf(ctx context.Context, row map[string]types.AttributeValue, key Key, withDescription bool) (Entry, bool) {
	entry, err := decodeEntry([]byte(textOf(row, attrBody)), withDescription)
	if err != nil {
		slog.WarnContext(ctx, "ledger row cannot be read, so its lock counts as new", "path", key.Path, "error", err)
		return Entry{}, false
	}
	entry.Expires = time.Unix(numberOf(row, attrExpires), 0)
	return entry, true
}
