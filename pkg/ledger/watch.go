package ledger

import (
	"context"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Watch is what is known of the scans. Without one all of it is zero.
type Watch struct {
	Since  time.Time        // start of the first scan that was recorded
	Last   time.Time        // start of the last one
	Left   time.Time        // start of the last scan that did not watch a store any more which the one before did; zero: none
	Stores map[string]Store // by ARN, as of the last one
}

// Watch reads what is known of the scans, in one call.
func (n *Notifications) Watch(ctx context.Context) (Watch, error) {
	row, err := n.table.get(ctx, rowKey(kindScan, monitor))
	if err != nil {
		return Watch{}, err
	}
	last := timeOf(row, attrScan)
	return Watch{Since: watchedSince(row, last), Last: last, Left: timeOf(row, attrLeft), Stores: remembered(ctx, row).Stores}, nil
}

// Current is a lock that the last scan saw, with what is remembered of it.
type Current struct {
	Key
	Entry
}

// Current returns each lock that the last scan saw, and no unreadable holding. It ends with
// the first error.
func (n *Notifications) Current(ctx context.Context) iter.Seq2[Current, error] {
	return func(yield func(Current, error) bool) {
		for row, err := range n.table.query(ctx, ofKind(kindLock)) {
			if err != nil {
				yield(Current{}, err)
				return
			}
			key := Key{tflock.Path(textOf(row, attrPath)), textOf(row, attrLockID)}
			if key.unreadable() {
				continue
			}
			if entry, ok := entryOf(ctx, row, key, true); ok && !yield(Current{key, entry}, nil) {
				return
			}
		}
	}
}

// watchedSince is the start of the first scan, where that is recorded.
func watchedSince(row map[string]types.AttributeValue, otherwise time.Time) time.Time {
	if since := timeOf(row, attrSince); !since.IsZero() {
		return since
	}
	return otherwise
}

// timeOf reads Unix milliseconds; zero where there are none.
func timeOf(row map[string]types.AttributeValue, name string) time.Time {
	if ms := numberOf(row, name); ms > 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}
