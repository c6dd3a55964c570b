package main

import (
	"cmp"
	"slices"
	"strings"
)

// what is a kind of thing that changes.
type what int

const (
	lockChange what = iota
	digestChange
	stateChange
)

// change is one thing that was written or deleted.
type change struct {
	what what
	at   place  // of a state: its name alone
	body string // empty: it was deleted
}

// changes are what differs between two views of a world, in a fixed order.
func (w *world) changes(before, after contents) []change {
	var list []change
	of := func(kind what, was, is map[string]string) {
		for at := range union(was, is) {
			if was[at] == is[at] {
				continue
			}
			store, key, _ := strings.Cut(at, " ")
			if store != inBucket {
				store = inTable
			}
			list = append(list, change{kind, place{store, string(w.Path(key))}, is[at]})
		}
	}
	of(lockChange, before.locks, after.locks)
	of(digestChange, before.digests, after.digests)
	for key := range union(before.newest, after.newest) {
		if is := after.live(key); is != before.live(key) {
			list = append(list, change{stateChange, place{name: string(w.Path(key))}, is})
		}
	}
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.what, b.what), strings.Compare(a.at.String(), b.at.String()))
	})
	return list
}

func union(a, b map[string]string) map[string]bool {
	keys := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	return keys
}

// live is the state that is there, or empty.
func (c contents) live(key string) string {
	if c.deleted[key] {
		return ""
	}
	return c.newest[key]
}
