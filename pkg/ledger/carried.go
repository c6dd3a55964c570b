package ledger

import (
	"slices"

	"github.com/lockwarden/lockwarden/pkg/scan"
)

// Carried counts the locks that the stores which could not be read held when they were last
// read, but for those that the scan saw all the same. A store that fails is no all-clear.
// The age of the oldest is as if it were still held.
func (m Memory) Carried(found *scan.Scan) scan.Figures {
	var f scan.Figures
	if found.Complete() {
		return f
	}
	failed := map[string]bool{} // by ARN: there are few stores and many entries
	for key, e := range m.Locks {
		if !e.unseen(key, found, failed) {
			continue
		}
		if _, seen := key.In(found); seen {
			continue
		}
		if key.unreadable() {
			if !e.Absent {
				f.Unreadable++
			}
			continue
		}
		f.Held++
		if e.Stuck {
			f.Stuck++
		}
		if !e.HeldSince.IsZero() {
			f.Oldest = max(f.Oldest, found.Ended.Sub(e.HeldSince))
		}
	}
	return f
}

// crowded reports whether the lock is in a part of a store that was not read completely.
func (e Entry) crowded(key Key, found *scan.Scan) bool {
	return slices.ContainsFunc(e.Stores, func(store string) bool { return found.Crowded(key.Path, store) })
}

// unseen reports whether a lock may be held in what the scan could not read. failed keeps which
// stores those are.
func (e Entry) unseen(key Key, found *scan.Scan, failed map[string]bool) bool {
	return e.UnnotifiedEnd == nil && (e.inAny(failed, found.Failed) || e.crowded(key, found))
}

// inAny reports whether any store of the entry failed. known keeps the answers.
func (e Entry) inAny(known map[string]bool, failed func(store string) bool) bool {
	for _, store := range e.Stores {
		answer, asked := known[store]
		if !asked {
			answer = failed(store)
			known[store] = answer
		}
		if answer {
			return true
		}
	}
	return false
}
