package ledger

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Past is the record of a lock that has ended. Its times are those of scans: it was taken
// at most one scan before the first that saw it, and ended after the last that did.
type Past struct {
	Path      tflock.Path   `json:"-"`
	ID        string        `json:"-"` // the lock's ID
	Operation string        `json:"operation,omitempty"`
	Who       string        `json:"who,omitempty"`
	Session   string        `json:"session,omitempty"`  // that took its object, as the witness says
	HeldSince time.Time     `json:"held_since"`         // no earlier than this
	FirstSeen time.Time     `json:"first_seen"`         // end of the first scan that saw it
	LastSeen  time.Time     `json:"last_seen,omitzero"` // start of the last scan that read a store of it before its end, where that is not the first one
	Ended     time.Time     `json:"ended"`              // end of the first scan without it
	StuckAt   time.Time     `json:"stuck_at,omitzero"`  // end of the scan that first found it stuck
	Resolved  bool          `json:"resolved,omitempty"` // people were notified that it is stuck, and then of its end
	Kinds     []tflock.Kind `json:"kinds,omitempty"`    // every kind of holding that it was seen with
	ETag      string        `json:"etag,omitempty"`     // of its object that was seen last: with the path it names the lock's witness
	// Settled says that Kinds are all kinds that it had: several scans saw the lock, and the
	// last one of them read every store; or one did so when an object that it saw alone was
	// old enough. A client that takes both halves takes them one after the other, so that a
	// single scan may see one of them alone.
	Settled bool `json:"settled,omitempty"`
	// Halved says that a scan saw one half of it when the other was gone already: they were
	// removed at different times, perhaps by different people.
	Halved bool `json:"halved,omitempty"`

	// Of the record of the locks that ended in one scan and have no record of their own,
	// since they were too many.
	More      int `json:"more,omitempty"`       // how many
	MoreStuck int `json:"more_stuck,omitempty"` // how many of them were stuck
}

// Held is how long the lock was held at most: of a resolved one, the time to resolve.
func (p Past) Held() time.Duration { return p.Ended.Sub(p.HeldSince) }

// Seen is the last time at which the lock was seen for certain.
func (p Past) Seen() time.Time {
	if p.LastSeen.After(p.FirstSeen) {
		return p.LastSeen
	}
	return p.FirstSeen
}

// EndedAt reports whether a removal of the lock's object at that time, by S3's clock, may be its
// end: it is of the time between the last scan that saw the lock and the first one without
// it. Any other is of another object, or left a row that was removed later.
func (p Past) EndedAt(removed time.Time) bool {
	return !p.Halved && !removed.Before(p.Seen().Add(-wholeSecond)) && !removed.After(p.Ended.Add(policy.ClockTolerance))
}

// wholeSecond is how much a time may be later than it says: some stores outside of AWS give whole
// seconds.
const wholeSecond = time.Second

// Missed reports whether its end is not known, since it ended in a gap: then no scan read its
// stores for long after the last one that saw it.
func (p Past) Missed(scanEvery time.Duration) bool {
	_, gap := Store{LastRead: p.Seen()}.Unread(p.Ended, scanEvery)
	return gap
}

// past is the record of a lock that the scan did not see any more.
func (c comparison) past(s Step) *Past {
	e := s.Entry
	p := &Past{
		Path: s.Key.Path, ID: s.Key.ID, HeldSince: e.HeldSince, FirstSeen: e.FirstSeen, LastSeen: c.memory.lastSeen(s.Key.Path, e), Ended: c.scan.Ended,
		StuckAt: e.StuckAt, Resolved: s.Change == Resolved, Kinds: slices.Clone(e.Kinds), ETag: e.ETag, Halved: e.Halved(),
	}
	slices.Sort(p.Kinds)
	if e.Description != nil {
		p.Operation, p.Who, p.HeldSince = e.Description.Operation, e.Description.Who, e.Description.HeldSince
		if w := e.Description.Witness; w != nil {
			p.Session = w.Session
		}
	}
	if p.HeldSince.IsZero() {
		p.HeldSince = e.FirstSeen
	}
	p.Settled = c.settled(s.Key.Path, e, p.LastSeen)
	if g := e.UnnotifiedEnd; g != nil { // an earlier scan found it gone
		p.LastSeen, p.Ended, p.Settled = g.LastSeen, g.Ended, g.Settled
	}
	return p
}

// betweenHalves is longer than a client takes from its lock object to its row: two calls, the second one with the
// SDK's retries and their pauses.
const betweenHalves = time.Minute

// settled reports whether scans saw every half that a lock had. A row alone in a single scan proves
// nothing: its object may have come, or gone, while the scan read the bucket and then the table.
// An object is taken before the row and removed before it, so that one without a row is alone
// where every table was read some time after it was written.
func (c comparison) settled(path tflock.Path, e Entry, lastSeen time.Time) bool {
	if slices.ContainsFunc(c.scan.Watched, func(store string) bool { return c.memory.Stores[store].unread(path) }) {
		return false
	}
	if !lastSeen.IsZero() {
		return true
	}
	f := e.Description
	if f == nil || f.HeldAtLeastSeconds == 0 || !slices.Equal(e.Kinds, []tflock.Kind{tflock.S3}) {
		return false
	}
	judged := f.HeldSince.Add(time.Duration(f.HeldSeconds) * time.Second)
	taken := judged.Add(-time.Duration(f.HeldAtLeastSeconds) * time.Second) // by S3's clock
	return !slices.ContainsFunc(c.scan.Watched, func(store string) bool {
		return c.memory.Stores[store].lastRead(path).Before(taken.Add(betweenHalves))
	})
}

// lastSeen is the start of the last scan that read a store of the lock, and zero where that
// is the first one. A scan that read all of them without the lock would have forgotten it.
func (m Memory) lastSeen(path tflock.Path, e Entry) time.Time {
	var last time.Time
	for _, store := range e.Stores {
		if since, moved := e.Since[store]; moved && since.IsZero() {
			continue // its half there was gone by then
		}
		if read := m.Stores[store].lastRead(path); read.After(e.FirstSeen) && read.After(last) {
			last = read
		}
	}
	return last
}
