package unlock

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxRecalled bounds the questions to the ledger about locks of one ID.
const maxRecalled = 100

// originalFirst puts the lock that an ID is really of before its copies. Whoever can write
// one key can write many locks with somebody else's ID, and only some are shown. But an
// attacker has a prefix, so the first of each prefix come before the second ones; and nobody
// can copy an ID before the lock is there, so the older ones come first in each of these
// groups.
func (u *Unlocker) originalFirst(ctx context.Context, hits []hit) []hit {
	recalled := 0
	for i := range hits {
		h := &hits[i]
		if !h.since.IsZero() || h.table == "" || recalled == maxRecalled {
			continue
		}
		recalled++
		l := tflock.Lock{Path: h.path, ID: h.id, Info: tflock.Info{ID: h.id}, Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: h.table, Path: h.path, Info: tflock.Info{ID: h.id}}}}
		if memory, err := u.Memory.RecallLock(ctx, ledger.KeyOf(l)); err == nil {
			h.since = memory.Sighting(l, func(string) string { return "" }).Holdings[0].NotBefore
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.since.Compare(b.since) })
	nth, turn := map[string]int{}, make(map[hit]int, len(hits))
	for _, h := range hits {
		prefix := prefixOf(h.path)
		turn[h] = nth[prefix]
		nth[prefix]++
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(turn[a], turn[b]), a.since.Compare(b.since)) })
	return hits
}

// prefixOf is the bucket and the first part of the key.
func prefixOf(path tflock.Path) string {
	first, _, _ := strings.Cut(path.Key(), "/")
	return path.Bucket() + "/" + first
}
