package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A scan keeps what it sees in bounds, and what the ledger remembers of locks that it does not see
// comes on top. Whoever may write one key can have it remember any number: locks with other names at
// each scan, or under a prefix of which no scan sees everything.
const (
	// maxUnseen bounds what is remembered of locks that a scan did not see, in bytes: some 10,000 of
	// the locks of clients. One top-level prefix gets at most a half.
	maxUnseen = 16 << 20
	// maxRecalled is the same for who has no scan to hold against it, without descriptions.
	maxRecalled = 48 << 20
	// entryWeight is what an entry takes beside its texts.
	entryWeight = 500
	// maxSurplus bounds the rows that one scan forgets.
	maxSurplus = 100_000
)

// recalled bounds what is remembered.
type recalled struct {
	most    int  // bytes
	lean    bool // without descriptions
	weight  int
	under   map[string]int // bytes by the top-level prefix; of those beyond maxPrefixes together
	surplus []string       // ids of rows for which there was no room
}

// reserve takes room for a row, and reports whether there was some.
func (r *recalled) reserve(key Key, row map[string]types.AttributeValue) bool {
	if r.under == nil {
		r.under = map[string]int{}
	}
	prefix := key.Path.Prefix()
	if _, counted := r.under[prefix]; !counted && len(r.under) >= maxPrefixes {
		prefix = ""
	}
	weight := entryWeight + len(key.Path) + len(key.ID)
	if !r.lean {
		weight += len(textOf(row, attrBody))
	}
	if r.weight+weight > r.most || r.under[prefix]+weight > r.most/sharesOfAll {
		if len(r.surplus) < maxSurplus && !r.lean {
			r.surplus = append(r.surplus, textOf(row, attrID))
		}
		return false
	}
	r.weight += weight
	r.under[prefix] += weight
	return true
}

// Forget removes what there was no room to remember: of those locks people learn nothing more,
// unless a scan sees them again. It may take long.
func (l *Lease) Forget(ctx context.Context) error {
	if len(l.surplus) == 0 {
		return nil
	}
	slog.WarnContext(ctx, "more locks are remembered that were not seen than there is room for, so some are forgotten: find out who takes them", "locks", len(l.surplus))
	err := l.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for _, id := range l.surplus {
			if !yield(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: rowKey(kindLock, id)}}, nil) {
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("forget locks that were not seen: %w", err)
	}
	return nil
}

// forgetTime bounds what is forgotten when not everything could be read.
const forgetTime = 10 * time.Second

// relieve removes what there was no room for from a ledger that could not be read in its time: no later scan could
// read it either.
func (l *Lease) relieve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	return l.Forget(ctx)
}
