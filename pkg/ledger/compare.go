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

// Compare says what is new in a scan. Steps come in the order of the scan's locks,
// then of the entries that are gone, sorted by path. A lock is gone only when each of
// its stores that is still watched was read completely without it. The steps are made
// while they are asked for, the same ones each time: 100,000 at once are more than a
// small function holds.
func Compare(m Memory, scan Scan, rules Rules) iter.Seq[Step] {
	c := comparison{memory: m, scan: scan, rules: rules, watched: make(map[string]bool, len(scan.Watched))}
	c.due = c.anyDue()
	for _, store := range scan.Watched {
		c.watched[store] = rules.reportsUnreadable(m.Stores[store], scan.Ended)
	}
	return c.steps
}

// comparison is a scan beside what is remembered.
type comparison struct {
	memory  Memory
	scan    Scan
	rules   Rules
	due     bool            // the reminder of at least one lock is due
	watched map[string]bool // every watched store by ARN, and whether this scan notifies of its unreadable holdings
}

func (c comparison) steps(yield func(Step) bool) {
	present := make(map[Key]bool, len(c.memory.Locks))
	unreadable := map[string]object{} // by path
	for o := range c.scan.Locks {
		key := KeyOf(o.Lock)
		if present[key] {
			continue
		}
		present[key] = true
		if h := o.Lock.Holdings[0]; !o.Lock.Readable() && h.Kind == tflock.S3 {
			unreadable[h.Path] = object{h.Store, h.Modified}
		}
		if step, ok := c.lock(key, o); ok && !yield(step) {
			return
		}
	}
	var absent []Key
	resolved := map[string]bool{} // paths
	for key, entry := range c.memory.Locks {
		if present[key] {
			continue
		}
		if change := c.absent(key, entry, unreadable).Change; change != nothing {
			absent = append(absent, key)
			if change == Resolved {
				resolved[key.Path] = true
			}
		}
	}
	current := c.current(resolved)
	slices.SortFunc(absent, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID)) })
	room := maxAbsent - c.memory.absent()
	for _, key := range absent {
		step := c.absent(key, c.memory.Locks[key], unreadable)
		if step.Entry.Absent {
			if room--; room < 0 {
				step.Change = Forget
			}
		}
		if now, locked := current[key.Path]; locked && step.Change == Resolved {
			step.Current = &now
		}
		if !yield(step) {
			return
		}
	}
}

// current are the locks that are on these paths now.
func (c comparison) current(paths map[string]bool) map[string]policy.Finding {
	found := map[string]policy.Finding{}
	if len(paths) == 0 {
		return found
	}
	for o := range c.scan.Locks {
		if _, known := found[o.Lock.Path]; paths[o.Lock.Path] && !known && o.Lock.Readable() && len(found) < maxFindings {
			found[o.Lock.Path] = o.Finding()
		}
	}
	return found
}

// anyDue looks into the memory first: nearly always nothing in it is due, and then the
// scan's locks need not be judged once more.
func (c comparison) anyDue() bool {
	isDue := func(key Key) bool {
		e := c.memory.Locks[key]
		return !key.unreadable() && c.rules.Urgency(e.Notified, e.NotifiedAt, c.scan.Ended) == Due
	}
	remembered := false
	for key := range c.memory.Locks {
		if remembered = isDue(key); remembered {
			break
		}
	}
	if !remembered {
		return false
	}
	for o := range c.scan.Locks {
		if o.Verdict == policy.Stuck && isDue(KeyOf(o.Lock)) {
			return true
		}
	}
	return false
}

// lock is the step of a lock that is there, and false where there is none.
func (c comparison) lock(key Key, o Observed) (Step, bool) {
	entry, known := c.memory.Locks[key]
	before := entry
	if !known {
		entry = Entry{FirstSeen: c.scan.Ended, NotBefore: c.memory.notBefore(o.Lock)}
	}
	change := c.change(entry, o)
	grown := entry.follow(o.Lock, c.scan)
	returned := entry.Absent
	if change == Note && known && !grown && !returned && !c.stale(entry) {
		return Step{}, false
	}
	if change != Note {
		entry.Notified, entry.NotifiedAt = entry.Notified+1, c.scan.Ended
	}
	finding := o.Finding()
	entry.Finding, entry.Absent, entry.Expires = &finding, false, c.scan.Ended.Add(c.rules.Keep)
	return Step{Change: change, Key: key, Entry: entry, before: before}, true
}

// change is what people are notified of about a lock that is there.
func (c comparison) change(entry Entry, o Observed) Change {
	switch {
	case o.Verdict == policy.Unreadable && entry.Notified == 0 && c.watched[o.Lock.Holdings[0].Store]:
		return Unreadable
	case o.Verdict == policy.Stuck && entry.Notified == 0:
		return Stuck
	case o.Verdict == policy.Stuck && c.rules.Urgency(entry.Notified, entry.NotifiedAt, c.scan.Ended).reminds(c.due):
		return Reminder
	default:
		return Note
	}
}

// stale says whether an entry should be renewed.
func (c comparison) stale(e Entry) bool { return e.Expires.Sub(c.scan.Ended) < c.rules.Keep/2 }

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
