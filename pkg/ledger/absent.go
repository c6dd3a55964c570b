package ledger

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// object is an unreadable lock object.
type object struct {
	store   string    // ARN
	written time.Time // by S3's clock
}

// absent is the step of an entry whose lock the scan did not see. unreadable are the
// unreadable lock objects of the scan, by path.
func (c comparison) absent(key Key, e Entry, unreadable map[tflock.Path]object) Step {
	step := Step{Change: nothing, Key: key, Entry: e, before: e}
	watched, everywhere := false, true
	for _, store := range e.Stores {
		if c.scan.Unread(key.Path, store) {
			return c.kept(step)
		}
		_, watching := c.watched[store]
		watched = watched || watching
		everywhere = everywhere && (watching || e.left(store) || c.scan.Disappeared(store))
	}
	switch {
	case !watched:
		step.Change = Forget
	case key.unreadable():
		return c.unreadableAbsent(step)
	case e.mayBe(key, unreadable):
		return c.kept(step)
	case !everywhere:
		// One half may be held where nobody looks any more: then it is not resolved, and nothing
		// is said of places that are not watched.
		step.Change = Forget
	case e.Notified > 0:
		step.Change, step.ended = Resolved, true
	default:
		step.Change, step.ended = Forget, true
	}
	return step
}

// kept is the step of a lock that may still be there: its memory is renewed in time, so
// that after weeks of a failing store it is not announced as new.
func (c comparison) kept(step Step) Step {
	if c.stale(step.Entry) {
		step.Change, step.Entry.Expires = Note, c.scan.Ended.Add(c.rules.Retention)
	}
	return step
}

// maxAbsent bounds the unreadable holdings that are remembered while they are not there:
// whoever can write one key can write 100,000 other ones each day, and every scan reads
// the whole memory. Of more than that some are reported again, at most once a day.
const maxAbsent = 1000

// absent counts the entries of holdings that are not there.
func (m Memory) absent() int {
	n := 0
	for _, e := range m.Locks {
		if e.Absent {
			n++
		}
	}
	return n
}

// unreadableAbsent keeps the memory of what people were notified of until it expires: an
// unreadable row that comes and goes is another tool's habit, and one report is enough.
func (c comparison) unreadableAbsent(step Step) Step {
	switch {
	case step.Entry.Notified == 0:
		step.Change = Forget
	case !step.Entry.Absent:
		step.Change, step.Entry.Absent = Note, true
	}
	return step
}

// mayBe reports whether the lock may be the unreadable object on its path: one that was
// archived, or whose key may no longer be used, keeps the time when it was written.
// A table's row can always be read, so a foreign one there is not the lock.
func (e Entry) mayBe(key Key, unreadable map[tflock.Path]object) bool {
	o, there := unreadable[key.Path]
	return there && slices.Contains(e.Stores, o.store) && !o.written.After(e.FirstSeen.Add(policy.ClockTolerance))
}
