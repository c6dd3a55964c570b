package unlock

import (
	"context"
	"slices"
	"strings"
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
	hits = inTurns(hits, 0) // also in being recalled
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
	return inTurns(hits, 0)
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

// deepest bounds the folders that are told apart.
const deepest = 32

// inTurns gives the first lock of each folder, then the second ones, and so on: the folders at
// this depth, and within each those that are deeper. Which prefix an attacker may write is not
// known, and a first part of the key may be shared by all teams (env:/, teams/).
func inTurns(hits []hit, depth int) []hit {
	if len(hits) < 2 || depth > deepest {
		return hits
	}
	folders, names := map[string][]hit{}, []string{}
	for _, h := range hits {
		name := partOf(h.path, depth)
		if _, known := folders[name]; !known {
			names = append(names, name)
		}
		folders[name] = append(folders[name], h)
	}
	for name, within := range folders {
		folders[name] = inTurns(within, depth+1)
	}
	turns := make([]hit, 0, len(hits))
	for nth := 0; len(turns) < len(hits); nth++ {
		names = slices.DeleteFunc(names, func(name string) bool { return nth == len(folders[name]) })
		for _, name := range names {
			turns = append(turns, folders[name][nth])
		}
	}
	return turns
}

// partOf is a part of a path: the bucket is the first one. It is empty beyond the last.
func partOf(path tflock.Path, n int) string {
	rest := string(path)
	for range n {
		_, rest, _ = strings.Cut(rest, "/")
	}
	part, _, _ := strings.Cut(rest, "/")
	return part
}
