package ledger

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Compare says what is new in a scan. Steps come in the order of the scan's locks,
// then of the entries that are gone, sorted by path. A lock is resolved only when each of
// its stores was read completely without it: one that is not watched any more may still have it. The steps are made
// while they are asked for, the same ones each time: 100,000 at once would take
// more memory than the function should use for them.
func Compare(m Memory, found *scan.Scan, rules Rules) iter.Seq[Step] {
	c := comparison{memory: m, scan: found, rules: rules, watched: make(map[string]bool, len(found.Watched))}
	c.due = c.anyDue()
	for _, store := range found.Watched {
		c.watched[store] = true
	}
	return c.steps
}

// comparison is a scan beside what is remembered.
type comparison struct {
	memory  Memory
	scan    *scan.Scan
	rules   Rules
	due     bool            // the reminder of at least one lock is due
	watched map[string]bool // every watched store by ARN
}

func (c comparison) steps(yield func(Step) bool) {
	if seen, more := c.held(yield); more {
		c.gone(seen, yield)
	}
}

// seen is what a scan saw.
type seen struct {
	locks      map[Key]bool
	unreadable map[tflock.Path]object // the unreadable lock objects, by path
}

// held yields the steps of the locks that are there. It returns what it saw, and whether
// more steps are wanted.
func (c comparison) held(yield func(Step) bool) (s seen, more bool) {
	s = seen{make(map[Key]bool, len(c.memory.Locks)), map[tflock.Path]object{}}
	for o := range c.scan.Locks() {
		key := KeyOf(o.Lock)
		if s.locks[key] {
			continue
		}
		s.locks[key] = true
		if h := o.Holdings[0]; !o.Readable() && h.Kind == tflock.S3 {
			s.unreadable[h.Path] = object{h.Store, h.Modified}
		}
		if step, ok := c.lock(key, o); ok && !yield(step) {
			return s, false
		}
	}
	return s, true
}

// gone yields the steps of the locks that are not there.
func (c comparison) gone(s seen, yield func(Step) bool) {
	keys, resolved := c.changed(s)
	current := c.current(resolved)
	room := maxAbsent - c.memory.absent()
	for _, key := range keys {
		step := c.absent(key, c.memory.Locks[key], s.unreadable)
		if step.Entry.Absent {
			if room--; room < 0 {
				step.Change = Forget
			}
		}
		if now, locked := current[key.Path]; locked && step.Change == Resolved {
			step.Current = &now
		}
		if step.ended {
			step.Past = c.past(step)
		}
		step, ok := c.resolves(step)
		if ok && !yield(step) {
			return
		}
	}
}

// resolves is the step of a lock that is gone, once its prefix may have a message about it. It is false where
// there is nothing to record until then.
func (c comparison) resolves(step Step) (Step, bool) {
	if step.Change != Resolved {
		return step, true
	}
	may, shared := c.memory.MayNotify(Resolved, step.Store(), step.Key.Path, c.scan.Ended, c.rules)
	if !may {
		recorded := step.Entry.UnnotifiedEnd != nil
		return step.Unnotified(), !recorded
	}
	step.Shared = shared
	return step, true
}

// changed returns the absent locks of which there is something to record, in order, and the
// paths of those that are resolved.
func (c comparison) changed(s seen) (keys []Key, resolved map[tflock.Path]bool) {
	resolved = map[tflock.Path]bool{}
	for key, entry := range c.memory.Locks {
		if s.locks[key] {
			continue
		}
		switch c.absent(key, entry, s.unreadable).Change {
		case nothing:
			continue
		case Resolved:
			resolved[key.Path] = true
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, Key.Compare)
	return keys, resolved
}

// current are the locks that are on these paths now.
func (c comparison) current(paths map[tflock.Path]bool) map[tflock.Path]policy.Description {
	found := map[tflock.Path]policy.Description{}
	if len(paths) == 0 {
		return found
	}
	for o := range c.scan.Locks() {
		if _, known := found[o.Path]; paths[o.Path] && !known && o.Readable() && len(found) < maxDescriptions {
			found[o.Path] = o.Describe()
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
	for o := range c.scan.Locks() {
		if o.Verdict == policy.Stuck && isDue(KeyOf(o.Lock)) {
			return true
		}
	}
	return false
}

// lock is the step of a lock that is there, and false where there is none.
func (c comparison) lock(key Key, judged policy.Case) (Step, bool) {
	entry, known := c.memory.Locks[key]
	before := entry
	if !known {
		entry = Entry{FirstSeen: c.scan.Ended, NotBefore: c.memory.notBefore(judged.Lock)}
	}
	if entry.UnnotifiedEnd != nil { // a scan saw it gone, and its client has taken it again since
		entry.FirstSeen, entry.NotBefore, entry.Since = c.scan.Ended, c.memory.notBefore(judged.Lock), nil
	}
	if judged.Verdict == policy.Stuck && entry.StuckAt.IsZero() {
		entry.StuckAt = c.scan.Ended
	}
	newly := known && entry.Notified == 0 && !before.StuckAt.Equal(entry.StuckAt)
	change, together := c.change(entry, judged)
	grown := entry.follow(judged.Lock, c.scan)
	returned := entry.Absent || entry.UnnotifiedEnd != nil
	if change == Note && known && !newly && !grown && !returned && !c.stale(entry) {
		return Step{}, false
	}
	if change != Note {
		entry.Notified, entry.NotifiedAt = entry.Notified+1, c.scan.Ended
	}
	described := judged.Describe()
	entry.Description, entry.Absent, entry.UnnotifiedEnd, entry.Expires = &described, false, nil, c.scan.Ended.Add(c.rules.Retention)
	return Step{Change: change, Key: key, Entry: entry, Shared: together, before: before}, true
}

// change is what people are notified of about a lock that is there, and whether it shares a message
// with others under its prefix.
func (c comparison) change(entry Entry, judged policy.Case) (change Change, together bool) {
	switch {
	case judged.Verdict == policy.Unreadable && entry.Notified == 0:
		change, _ = c.unlessShut(Unreadable, entry, judged) // those of a store share one in any case
		return change, false
	case judged.Verdict == policy.Stuck && entry.Notified == 0:
		return c.unlessShut(Stuck, entry, judged)
	case judged.Verdict == policy.Stuck && c.rules.Urgency(entry.Notified, entry.NotifiedAt, c.scan.Ended).reminds(c.due):
		return Reminder, false
	default:
		return Note, false
	}
}

// unlessShut is a change, or nothing to notify of while the prefix of the lock has had its messages.
func (c comparison) unlessShut(change Change, entry Entry, judged policy.Case) (Change, bool) {
	store := judged.Holdings[0].Store
	if len(entry.Stores) > 0 {
		store = entry.Stores[0]
	}
	may, shared := c.memory.MayNotify(change, store, judged.Path, c.scan.Ended, c.rules)
	if !may {
		return Note, false
	}
	return change, shared
}

// stale reports whether an entry should be renewed.
func (c comparison) stale(e Entry) bool { return e.Expires.Sub(c.scan.Ended) < c.rules.Retention/2 }

// follow brings the entry's holdings up to what a scan saw of the lock, and says
// whether anything is new.
func (e *Entry) follow(l tflock.Lock, found *scan.Scan) bool {
	changed := false
	first := len(e.Stores) == 0
	for _, h := range l.Holdings {
		if !slices.Contains(e.Kinds, h.Kind) {
			e.Kinds, changed = append(slices.Clone(e.Kinds), h.Kind), true
		}
		if h.ETag != "" && h.ETag != e.ETag {
			e.ETag, changed = h.ETag, true
		}
		since, moved := e.Since[h.Store]
		switch known := slices.Contains(e.Stores, h.Store); {
		case !known && first:
			e.Stores, changed = append(slices.Clone(e.Stores), h.Store), true
		case !known:
			e.Stores, changed = append(slices.Clone(e.Stores), h.Store), true
			e.since(h.Store, found.Ended)
		case moved && since.IsZero():
			e.since(h.Store, found.Ended)
			changed = true
		}
	}
	for _, store := range e.Stores {
		if e.left(store) || l.HeldIn(store) || found.Unknown(l.Path, store) != "" {
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
