package tflock

import (
	"cmp"
	"slices"
)

// Lock is one ID on one state path, with the holdings that carry it: a table row,
// a .tflock object, or both when a client is configured for both. A holding that
// nobody can read is a Lock of its own, without an ID.
type Lock struct {
	ID       string // empty for an unreadable one
	Path     Path
	Info     Info
	Holdings []Holding // never empty
	// Rivals are the IDs of other locks on the same path, at most MaxRivals. A client
	// holds both of its halves under one ID, so two IDs on one path are a conflict: two
	// runs may believe that they own the state.
	Rivals []string
}

// Readable reports whether the lock has an ID, so that it can be judged and named.
func (l Lock) Readable() bool { return l.ID != "" }

// Kinds are the kinds of holding that the lock has, each once, sorted.
func (l Lock) Kinds() []Kind {
	kinds := make([]Kind, 0, len(l.Holdings))
	for _, h := range l.Holdings {
		kinds = append(kinds, h.Kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// HeldIn reports whether one of the lock's holdings is in a store, by its ARN.
func (l Lock) HeldIn(store string) bool {
	return slices.ContainsFunc(l.Holdings, func(h Holding) bool { return h.Store == store })
}

// Lost are the kinds that the lock was seen with before and has no more. A lock
// that lost one of two is a half-lock: `terraform force-unlock` removes its other
// half and still exits with an error.
func (l Lock) Lost(before []Kind) []Kind {
	now := l.Kinds()
	var lost []Kind
	for _, kind := range before {
		if !slices.Contains(now, kind) {
			lost = append(lost, kind)
		}
	}
	return lost
}

// Merge makes locks of holdings, sorted by path and ID. Holdings with the same
// path and ID are one lock, wherever they are. It takes the slice over: it sorts it, and
// the locks' holdings are parts of it.
func Merge(holdings []Holding) []Lock {
	slices.SortStableFunc(holdings, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.id(), b.id()),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Store, b.Store))
	})
	locks := make([]Lock, 0, len(holdings))
	for start := 0; start < len(holdings); {
		first := holdings[start]
		l, end := Lock{ID: first.id(), Path: first.Path, Info: first.Info}, start+1
		for first.Err == nil && end < len(holdings) && holdings[end].is(l) {
			// Both halves carry the same JSON; where one is damaged the other serves.
			if info := holdings[end].Info; !l.Info.CreatedUsable() && info.CreatedUsable() {
				l.Info = info
			}
			end++
		}
		l.Holdings = holdings[start:end:end]
		locks = append(locks, l)
		start = end
	}
	nameRivals(locks)
	return locks
}

// is reports whether a holding carries that lock.
func (h Holding) is(l Lock) bool { return h.Err == nil && h.Path == l.Path && h.Info.ID == l.ID }

func (h Holding) id() string {
	if h.Err != nil {
		return ""
	}
	return h.Info.ID
}

// MaxRivals bounds the rivals that a lock names. There is one holding a store on a path,
// and where many stores have one, a few show the conflict.
const MaxRivals = 16

// nameRivals takes locks sorted by path.
func nameRivals(locks []Lock) {
	for start := 0; start < len(locks); {
		end := start + 1
		for end < len(locks) && locks[end].Path == locks[start].Path {
			end++
		}
		nameRivalsOf(locks[start:end])
		start = end
	}
}

// nameRivalsOf takes the locks on one path. In time it is linear, whatever their number.
func nameRivalsOf(locks []Lock) {
	var first []int // the first readable ones: each names those but itself
	for i := range locks {
		if locks[i].Readable() && len(first) <= MaxRivals {
			first = append(first, i)
		}
	}
	for i := range locks {
		for _, j := range first {
			if i != j && locks[i].Readable() && len(locks[i].Rivals) < MaxRivals {
				locks[i].Rivals = append(locks[i].Rivals, locks[j].ID)
			}
		}
	}
}
