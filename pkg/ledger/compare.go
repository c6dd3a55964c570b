package ledger

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Change is what is new about a lock or a store since people last heard of it.
type Change int

// The changes. Those up to Forget concern locks, the rest stores.
const (
	Note       Change = iota // nothing to tell, something to record
	Stuck                    // became stuck, or was already when first seen
	Reminder                 // still stuck, RemindEvery after people last heard of it
	Unreadable               // a holding that nobody can read, not told before
	Resolved                 // told as stuck, and gone
	Forget                   // gone without having been told, or no longer watched
	Failed                   // a store cannot be read: for the first time, or still after RemindEvery
	Recovered                // a store that people know as failed was read
)

func (c Change) String() string {
	return [...]string{"note", "stuck", "reminder", "unreadable", "resolved", "forget", "failed", "recovered"}[c]
}

// Step is one change of a lock. Entry is the memory once the change is told, or for
// Resolved and Forget the memory that ends.
type Step struct {
	Change Change
	Key    Key
	Entry  Entry
	before Entry
}

// Untold is the step when its news could not be published: the sighting is recorded,
// since the lock's age rests on it, and the news stays to be told.
func (s Step) Untold() Step {
	if s.Change == Resolved || s.Change == Forget {
		return Step{Note, s.Key, s.Entry, s.before}
	}
	s.Change, s.Entry.Told, s.Entry.ToldAt = Note, s.before.Told, s.before.ToldAt
	return s
}

// StoreStep is one change of a store.
type StoreStep struct {
	Change  Change
	ARN     string
	Store   Store // Failed: the memory once told; Recovered: the memory that ends
	Problem string
}

// Observed is one lock of a scan, judged. Finding puts into words what was found; it is
// asked for where there is something to record or to tell.
type Observed struct {
	Lock    tflock.Lock
	Verdict policy.Verdict
	Finding func() policy.Finding
}

// Scan is what one scan found.
type Scan struct {
	Started  time.Time         // before the first read
	Ended    time.Time         // after the last read
	Watched  []string          // ARN of every table and bucket that is configured
	Failures map[string]string // ARN of each that could not be read completely, with the cause
	Locks    iter.Seq[Observed]
}

// Failed says whether a store could not be read completely.
func (s Scan) Failed(store string) bool {
	_, failed := s.Failures[store]
	return failed
}

// Rules are the intervals that Compare goes by.
type Rules struct {
	RemindEvery time.Duration
	// Keep is how long an entry outlives the last time that it was seen or renewed.
	Keep time.Duration
}

// Compare says what is new in a scan. Steps come in the order of the scan's locks,
// then of the entries that are gone, sorted by path. A lock is gone only when each of
// its stores that is still watched was read completely without it. The steps are made
// while they are asked for, the same ones each time: 100,000 at once are more than a
// small function holds.
func Compare(m Memory, scan Scan, rules Rules) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		present := make(map[Key]bool, len(m.Locks))
		unreadable := map[string]bool{} // paths
		for o := range scan.Locks {
			key := KeyOf(o.Lock)
			if present[key] {
				continue
			}
			present[key] = true
			if !o.Lock.Readable() {
				unreadable[o.Lock.Path] = true
			}
			if step, ok := compareLock(m, key, o, scan, rules); ok && !yield(step) {
				return
			}
		}
		var gone []Key
		for key, entry := range m.Locks {
			if present[key] || unreadable[key.Path] {
				continue // what is unreadable now may be that lock
			}
			if _, ok := compareAbsent(entry, scan); ok {
				gone = append(gone, key)
			}
		}
		slices.SortFunc(gone, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID)) })
		for _, key := range gone {
			entry := m.Locks[key]
			if change, ok := compareAbsent(entry, scan); ok && !yield(Step{change, key, entry, entry}) {
				return
			}
		}
	}
}

func compareLock(m Memory, key Key, o Observed, scan Scan, rules Rules) (Step, bool) {
	entry, known := m.Locks[key]
	before := entry
	if !known {
		entry = Entry{FirstSeen: scan.Ended, NotBefore: m.notBefore(o.Lock)}
	}
	change := Note
	switch {
	case o.Verdict == policy.Unreadable && entry.Told == 0:
		change = Unreadable
	case o.Verdict == policy.Stuck && entry.Told == 0:
		change = Stuck
	case o.Verdict == policy.Stuck && scan.Ended.Sub(entry.ToldAt) >= rules.RemindEvery:
		change = Reminder
	}
	grown := entry.follow(o.Lock, scan)
	stale := entry.Expires.Sub(scan.Ended) < rules.Keep/2
	if change == Note && known && !grown && !stale {
		return Step{}, false
	}
	if change != Note {
		entry.Told, entry.ToldAt = entry.Told+1, scan.Ended
	}
	finding := o.Finding()
	entry.Finding, entry.Expires = &finding, scan.Ended.Add(rules.Keep)
	return Step{change, key, entry, before}, true
}

// follow brings the entry's holdings up to what a scan saw of the lock, and says
// whether anything is new.
func (e *Entry) follow(l tflock.Lock, scan Scan) bool {
	changed := false
	first := len(e.Stores) == 0
	for _, h := range l.Holdings {
		if !slices.Contains(e.Kinds, h.Kind) {
			e.Kinds, changed = append(slices.Clone(e.Kinds), h.Kind), true
		}
		since, moved := e.Since[h.Store]
		switch known := slices.Contains(e.Stores, h.Store); {
		case !known && first:
			e.Stores, changed = append(slices.Clone(e.Stores), h.Store), true
		case !known:
			e.Stores, changed = append(slices.Clone(e.Stores), h.Store), true
			e.since(h.Store, scan.Ended)
		case moved && since.IsZero():
			e.since(h.Store, scan.Ended)
			changed = true
		}
	}
	for _, store := range e.Stores {
		since, moved := e.Since[store]
		if (moved && since.IsZero()) || scan.Failed(store) || !slices.Contains(scan.Watched, store) || holds(l, store) {
			continue
		}
		e.since(store, time.Time{})
		changed = true
	}
	return changed
}

// since notes when a store's holding was first seen, in a map of its own: the entry of
// the memory shares the old one.
func (e *Entry) since(store string, at time.Time) {
	moved := make(map[string]time.Time, len(e.Since)+1)
	maps.Copy(moved, e.Since)
	moved[store], e.Since = at, moved
}

func holds(l tflock.Lock, store string) bool {
	return slices.ContainsFunc(l.Holdings, func(h tflock.Holding) bool { return h.Store == store })
}

// compareAbsent is false where the lock may still be there, or where its memory is
// to be kept until it expires: an unreadable row that comes and goes is another
// tool's habit, and one report of it is enough.
func compareAbsent(entry Entry, scan Scan) (Change, bool) {
	watched := 0
	for _, store := range entry.Stores {
		if slices.Contains(scan.Watched, store) {
			watched++
		}
		if scan.Failed(store) {
			return 0, false
		}
	}
	switch {
	case watched == 0:
		return Forget, true
	case entry.Finding != nil && entry.Finding.Verdict == policy.Unreadable:
		return 0, false
	case entry.Told > 0:
		return Resolved, true
	default:
		return Forget, true
	}
}

// CompareStores says what is new about the stores, sorted as they are watched, and
// gives the memory of them once that is told. A store that is no longer watched is
// forgotten.
func CompareStores(m Memory, scan Scan, rules Rules) ([]StoreStep, map[string]Store) {
	var steps []StoreStep
	next := make(map[string]Store, len(scan.Watched))
	for _, arn := range scan.Watched {
		before := m.Stores[arn]
		after := before
		problem, failed := scan.Failures[arn]
		switch {
		case failed && before.Failing.IsZero():
			after.Failing = scan.Ended
			fallthrough
		case failed && (before.Told == 0 || scan.Ended.Sub(before.ToldAt) >= rules.RemindEvery):
			after.Told, after.ToldAt = before.Told+1, scan.Ended
			steps = append(steps, StoreStep{Failed, arn, after, problem})
		case failed:
		default:
			after = Store{LastRead: scan.Started}
			if before.Told > 0 {
				steps = append(steps, StoreStep{Recovered, arn, before, ""})
			}
		}
		next[arn] = after
	}
	return steps, next
}
