package unlock

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// takenAgain reports whether a row of a lock was taken again since an earlier release removed it, and corrects what is known of its age. A
// client whose answer was lost waits for its own row (-lock-timeout), and takes it with the same bytes once somebody releases it. No scan may
// have seen the moment without it, so what scans saw proves nothing then. Of a lock with an object S3's time does: the client takes that one
// first, and again too.
func takenAgain(l tflock.Lock, earlier ledger.Release, seen *policy.Sighting) (again bool) {
	if slices.Contains(l.Kinds(), tflock.S3) {
		return false
	}
	for i := range seen.Holdings {
		s := &seen.Holdings[i]
		if !mayBeAnother(earlier, s.Store, *seen) || !sameBytes(earlier, l, s.Store) || s.First.After(earlier.At) {
			continue
		}
		again = true
		s.First = time.Time{}
		if s.NotBefore.Before(earlier.At) {
			s.NotBefore = earlier.At
		}
	}
	if again {
		seen.FirstSeen, seen.NotBefore, seen.Released = time.Time{}, earlier.At, earlier.At
	}
	return again
}

// mayBeAnother reports whether what a store has may be there again since an earlier release: that one saw it gone, or ended before it recorded how
// its delete did. A client that has an object too takes that one first: its row alone is the old one.
func mayBeAnother(earlier ledger.Release, store string, seen policy.Sighting) bool {
	if went(earlier, store) {
		return true
	}
	hadObject := slices.Contains(seen.Kinds, tflock.S3) || slices.ContainsFunc(earlier.Halves, func(h ledger.Half) bool { return h.Kind == tflock.S3 })
	return !hadObject && slices.ContainsFunc(earlier.Halves, func(h ledger.Half) bool { return h.Store == store && h.Fate == ledger.HalfUnknown })
}

// went reports whether an earlier release saw that the half in a store is gone.
func went(earlier ledger.Release, store string) bool {
	return slices.ContainsFunc(earlier.Halves, func(h ledger.Half) bool {
		return h.Store == store && (h.Fate == ledger.HalfRemoved || h.Fate == ledger.HalfGone)
	})
}

// sameBytes reports whether a store has what an earlier release found there.
func sameBytes(earlier ledger.Release, l tflock.Lock, store string) bool {
	return slices.ContainsFunc(l.Holdings, func(h tflock.Holding) bool {
		return h.Store == store && slices.ContainsFunc(earlier.Held, func(b ledger.Bytes) bool { return b.Is(h.Raw) && slices.Contains(b.Stores, store) })
	})
}

// completeFromRecord completes what is known of a lock of which an earlier release removed one
// half only, and reports whether it added anything: the record says how old it was proven to be,
// with the bytes that are still there.
func completeFromRecord(l tflock.Lock, earlier ledger.Release, seen *policy.Sighting) (known bool) {
	since := earlier.At.Add(-time.Duration(earlier.Description.HeldAtLeastSeconds) * time.Second)
	for i := range seen.Holdings {
		s := &seen.Holdings[i]
		if left := !went(earlier, s.Store) && sameBytes(earlier, l, s.Store); left && (s.First.IsZero() || s.First.After(since)) {
			s.First, known = since, true
		}
	}
	return known
}
