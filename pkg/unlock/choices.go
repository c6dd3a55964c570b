package unlock

import (
	"context"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxRecalled bounds the questions to the ledger about locks of one ID.
const maxRecalled = 100

// originalFirst puts the lock that an ID is really of before its copies. Whoever can write
// one key can write many locks with somebody else's ID, and only some are shown. But an
// attacker has a prefix, so the first of each folder comes before any second one; and nobody can copy an ID before the
// lock is there, so the older ones come first. Where the age of a lock is not known it comes
// after those of its folder whose age is.
func (u *Unlocker) originalFirst(ctx context.Context, hits []hit) []hit {
	hits = tflock.InTurns(hits, pathOf) // also in being recalled
	recalled := 0
	for i := range hits {
		h := &hits[i]
		if !h.since.IsZero() || h.table == "" || recalled == maxRecalled {
			continue
		}
		recalled++
		h.since = u.absentUntil(ctx, *h)
	}
	slices.SortStableFunc(hits, older)
	return tflock.InTurns(hits, pathOf)
}

// absentUntil is the last reading of the table without a lock; zero where that is not known.
func (u *Unlocker) absentUntil(ctx context.Context, h hit) time.Time {
	info := tflock.Info{ID: h.id}
	l := tflock.Lock{Path: h.path, ID: h.id, Info: info, Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: h.table, Path: h.path, Info: info}}}
	memory, err := u.Memory.RecallLock(ctx, ledger.KeyOf(l))
	if err != nil {
		return time.Time{}
	}
	return memory.Sighting(l, func(string) string { return "" }).Holdings[0].NotBefore
}

func older(a, b hit) int {
	switch {
	case a.since.IsZero() == b.since.IsZero():
		return a.since.Compare(b.since)
	case a.since.IsZero():
		return 1
	default:
		return -1
	}
}

func pathOf(h hit) tflock.Path { return h.path }
