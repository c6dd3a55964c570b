package tflock

import (
	"cmp"
	"slices"
	"strings"
)

// deepestFolder bounds the folders that InTurns distinguishes.
const deepestFolder = 32

// InTurns orders items by the paths of their states: the first item of each folder, then the
// second ones, and so on, and within each folder those of its folders alike. Items of one folder
// keep their order. Whoever may write under one prefix can then take no other prefix's place
// where there is room, or time, for some of the items only. Which part of a key an attacker
// may write is not known, and a first part may be shared by all teams (env:/, teams/).
//
// Where something is kept, a top-level prefix gets a share of the room for the same reason: in
// backend (large.go, and alias.go, which halves in turns), scan (room.go), inventory (room.go)
// and ledger (recalled.go, pastrows.go). Each counts something else, and drops it its own way.
func InTurns[T any](items []T, path func(T) Path) []T {
	return inTurns(items, path, func(T) int64 { return 1 }, 0)
}

// InTurnsByCost is InTurns for items that take unlike time: the next item is one of the folder whose earlier items cost the least. A cost is at least 1.
func InTurnsByCost[T any](items []T, path func(T) Path, cost func(T) int64) []T {
	return inTurns(items, path, cost, 0)
}

func inTurns[T any](items []T, path func(T) Path, cost func(T) int64, depth int) []T {
	if len(items) < 2 || depth > deepestFolder {
		return items
	}
	folders, names := map[string][]T{}, []string{}
	for _, item := range items {
		name := path(item).part(depth)
		if _, known := folders[name]; !known {
			names = append(names, name)
		}
		folders[name] = append(folders[name], item)
	}
	if len(names) == 1 {
		return inTurns(items, path, cost, depth+1)
	}
	type turn struct {
		before int64 // what the folder's earlier items cost
		folder int
		item   T
	}
	turns := make([]turn, 0, len(items))
	for folder, name := range names {
		var before int64
		for _, item := range inTurns(folders[name], path, cost, depth+1) {
			turns = append(turns, turn{before, folder, item})
			before += cost(item)
		}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Or(cmp.Compare(a.before, b.before), cmp.Compare(a.folder, b.folder)) })
	ordered := make([]T, len(turns))
	for i, t := range turns {
		ordered[i] = t.item
	}
	return ordered
}

// part is the n-th part of a path, of which the bucket is the first. It is empty beyond the last.
func (p Path) part(n int) string {
	rest := string(p)
	for range n {
		_, rest, _ = strings.Cut(rest, "/")
	}
	part, _, _ := strings.Cut(rest, "/")
	return part
}

// Folder is the deepest folder that two paths are both in, with its slash: at least the bucket's. It is
// empty for two buckets.
func Folder(a, b Path) Path {
	end := 0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			break
		}
		if a[i] == '/' {
			end = i + 1
		}
	}
	return a[:end]
}
