package policy

import (
	"slices"
	"time"
)

// Trace is whether something was there when a version of a state was written, where that can be
// known. The zero value is unknown.
type Trace int

// The other traces.
const (
	Present Trace = iota + 1
	Absent
	// Unproven is of a digest where no table has any of the state, or one that had does not have it any
	// more: its writer may write none, or somebody deleted it since. It says nothing, and a digest that
	// comes later is not the writer's.
	Unproven
)

// StateWrite is one version of a state, with what shows how its writer locks: whether a lock
// object was there, and whether a table has had its digest.
type StateWrite struct {
	VersionID string    `json:"version_id"`
	At        time.Time `json:"at"` // S3's, in whole seconds
	Lockfile  Trace     `json:"lockfile,omitempty"`
	Taken     time.Time `json:"taken,omitzero"` // when that lock object was created
	Digest    Trace     `json:"digest,omitempty"`
	// Ended says that the lock object was removed at once after the write. A client that died
	// before it wrote the digest leaves its lock object there.
	Ended bool `json:"ended,omitempty"`
}

// Locking is how the writer locks, or empty where its traces do not say. A client writes the
// digest into the table that it locks in.
func (w StateWrite) Locking() Locking {
	switch {
	case w.Lockfile == Absent && w.Digest == Present:
		return ByTable
	case w.Lockfile == Present && w.Digest == Present:
		return ByBoth
	case w.Lockfile == Present && w.Digest == Absent && w.Ended:
		return ByLockfile
	}
	return ""
}

// Span is how long a lock object was there, by S3's clock in whole seconds.
type Span struct {
	From, To time.Time // To is zero while it is there
}

func (s Span) covers(at time.Time, margin time.Duration) bool {
	return !at.Before(s.From.Add(-margin)) && (s.To.IsZero() || !at.After(s.To.Add(margin)))
}

// LockObjects is the history of the lock object of one state, as the bucket's versions show it.
type LockObjects struct {
	Spans []Span
	Since time.Time // of what was before, nothing is known; zero: there is no history
}

// Next adds what came next: the object was created or removed. there says whether it was there
// before that. Of two removals one after the other, the later one ends the span.
func (l *LockObjects) Next(at time.Time, created, there bool) {
	if l.Since.IsZero() {
		l.Since = at
	}
	if n := len(l.Spans); n > 0 && (there || !created) {
		l.Spans[n-1].To = at
	}
	if created {
		l.Spans = append(l.Spans, Span{From: at})
	}
}

const (
	// nearby is more than the times of two objects may be in the wrong order: whole seconds,
	// from several machines of S3.
	nearby = 2 * time.Second
	// unlockTime is longer than a client takes from its last write to the end of its lock.
	unlockTime = 10 * time.Second
)

// Write is a version of a state with what the lock object's history says of its writer. kept says
// that the bucket still has whatever there was of the history since that time.
func (l LockObjects) Write(versionID string, at time.Time, kept bool) StateWrite {
	w := StateWrite{VersionID: versionID, At: at}
	if s, there := l.at(at, 0); there {
		w.Lockfile, w.Taken, w.Ended = Present, s.From, !s.To.IsZero() && s.To.Sub(at) <= unlockTime
		return w
	}
	if _, near := l.at(at, nearby); !near && (kept || !l.Since.IsZero() && at.After(l.Since)) {
		w.Lockfile = Absent
	}
	return w
}

// at is the latest lock object that was there at that time, give or take the margin.
func (l LockObjects) at(at time.Time, margin time.Duration) (Span, bool) {
	for _, s := range slices.Backward(l.Spans) {
		if s.covers(at, margin) {
			return s, true
		}
	}
	return Span{}, false
}

// Recorded notes which versions, the oldest first, a table had the digest of: it has that of the
// one at this place now, so that none of the later ones was recorded. The place -1 is that of a
// version before all of them. What happened to earlier digests is not known.
func Recorded(writes []StateWrite, place int) {
	for i := range writes {
		switch {
		case i == place:
			writes[i].Digest = Present
		case i > place:
			writes[i].Digest = Absent
		}
	}
}

// maxWrites bounds the writes that are remembered of one state.
const maxWrites = 8

// RememberWrites adds versions, the oldest first, to those that are remembered of a state. Of
// neighbours that lock in the same way the latest is kept. Clients of both exclude everybody: one
// of theirs is kept only as the latest that shows anything, and of what shows nothing only the
// newest version, whose digest may still be looked at. Nothing is kept from before that time.
func RememberWrites(kept, next []StateWrite, since time.Time) []StateWrite {
	all := joined(slices.Concat(kept, next))
	var few []StateWrite
	for i, w := range all {
		way := w.Locking()
		if w.At.Before(since) || (way == "" && i < len(all)-1) {
			continue
		}
		for n := len(few); n > 0 && way != "" && (few[n-1].Locking() == way || few[n-1].Locking() == ByBoth); n = len(few) {
			few = few[:n-1]
		}
		few = append(few, w)
	}
	return few[max(0, len(few)-maxWrites):]
}

// joined has one of each version, and one of those that were written under one lock object.
func joined(writes []StateWrite) []StateWrite {
	var all []StateWrite
	for _, w := range writes {
		n := len(all)
		switch {
		case n > 0 && all[n-1].VersionID == w.VersionID:
			all[n-1] = all[n-1].again(w)
			continue
		case n > 0 && underOneLock(all[n-1], w):
			if all[n-1].Digest == Present { // its client writes digests
				w.Digest = Present
			}
			all = all[:n-1]
		}
		all = append(all, w)
	}
	return all
}

// again adds what a later look at the same version shows. A digest that comes later is not its
// writer's.
func (w StateWrite) again(later StateWrite) StateWrite {
	w.Ended = w.Ended || later.Ended
	if w.Digest == 0 {
		w.Digest = later.Digest
	}
	return w
}

func underOneLock(a, b StateWrite) bool { return !a.Taken.IsZero() && a.Taken.Equal(b.Taken) }

// Move is what the versions since the one that a digest belongs to show about their clients.
type Move string

// The moves from a table to lockfiles.
const (
	// MovedFromTable: the digest's version was written without a lock object, and the later ones
	// under one, each by a client that came to its end and wrote no digest.
	MovedFromTable Move = "from_table"
	// MovedPerhaps: the same, but the digest's version was written under a lock object too, or
	// that is not known. A client that locks in both places and whose digest AWS refused leaves
	// the same traces.
	MovedPerhaps Move = "perhaps"
	// MoveUnknown: nothing shows whether the later ones were written under a lock object. The bucket
	// has no versions, or they have expired.
	MoveUnknown Move = "unknown"
)

// MoveOf reports whether the versions that came after the one of the digest, the oldest first, show a
// move to lockfiles. recorded is that one, without an ID where the bucket does not have it.
func MoveOf(recorded StateWrite, after []StateWrite) Move {
	unknown := len(after) == 0
	for i, w := range after {
		ends := i == len(after)-1 || !underOneLock(w, after[i+1])
		switch {
		case w.Lockfile == Absent, underOneLock(recorded, w), w.Lockfile == Present && ends && !w.Ended:
			return ""
		case w.Lockfile != Present:
			unknown = true
		}
	}
	switch {
	case unknown:
		return MoveUnknown
	case recorded.Lockfile == Absent:
		return MovedFromTable
	}
	return MovedPerhaps
}
