package ledger

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Entry is what is remembered of one lock.
type Entry struct {
	FirstSeen time.Time     `json:"first_seen"`          // end of the scan that first saw it
	NotBefore time.Time     `json:"not_before,omitzero"` // start of the last complete reading without it
	Kinds     []tflock.Kind `json:"kinds"`               // every kind of holding that it had
	Stores    []string      `json:"stores"`              // every table or bucket that had it, by ARN
	// Since is the end of the scan that first saw the holding in a store, where that is
	// not FirstSeen; zero where a later scan did not see it any more. It is nil for most.
	Since      map[string]time.Time `json:"since,omitempty"`
	ETag       string               `json:"etag,omitempty"`       // of the lock object that was seen last
	NotifiedAt time.Time            `json:"notified_at,omitzero"` // when people were last notified of it
	Notified   int                  `json:"notified,omitempty"`   // how often they were: the alert, then reminders
	StuckAt    time.Time            `json:"stuck_at,omitzero"`    // end of the scan that first found it stuck
	Absent     bool                 `json:"absent,omitempty"`     // not there in the last complete scan; only of unreadable ones
	// UnnotifiedEnd is set when a scan has found the lock gone and people could not be notified.
	UnnotifiedEnd *End `json:"gone,omitempty"`
	// Description is the lock as it was last recorded: what remains to be said of it when
	// it is gone. It is nil in a memory where nobody will ask for it.
	Description *policy.Description `json:"description"`
	// Expires is when the memory may end: DynamoDB deletes it up to two days later, and
	// until then it counts. It is renewed while the lock is seen or its store fails.
	Expires time.Time `json:"-"`

	// HeldSince and Stuck are the description's, and stay where it is not kept.
	HeldSince time.Time `json:"-"`
	Stuck     bool      `json:"-"`
}

// End is when and how a lock ended, as in its Past. It is stored because later scans cannot
// reconstruct the time.
type End struct {
	LastSeen time.Time `json:"last_seen,omitzero"`
	Ended    time.Time `json:"ended"`
	Settled  bool      `json:"settled,omitempty"`
}

// Sighting is what the policy needs to know of the entry.
func (e Entry) Sighting() policy.Sighting {
	return policy.Sighting{FirstSeen: e.FirstSeen, NotBefore: e.NotBefore, Kinds: e.Kinds, ETag: e.ETag}
}

// Halved reports whether a scan saw one half of the lock when the other was gone already: they
// were not removed together.
func (e Entry) Halved() bool {
	for _, since := range e.Since {
		if since.IsZero() {
			return true
		}
	}
	return false
}

// Memory is what the ledger knows when a scan begins to compare.
type Memory struct {
	Locks  map[Key]Entry
	Stores map[string]Store // by ARN
}

// Sighting is what earlier scans know of a lock. For one that they did not see, the
// last complete reading of its stores bounds its age. unknown says of a store why it does not
// show whether it still has its half, as scan.Scan.Unknown does: such a half is not lost.
func (m Memory) Sighting(l tflock.Lock, unknown func(store string) string) policy.Sighting {
	entry, ok := m.Locks[KeyOf(l)]
	if !ok || entry.UnnotifiedEnd != nil { // a scan saw it gone: its client has taken it again since
		return policy.Sighting{NotBefore: m.notBefore(l), Holdings: m.holdings(Entry{}, l)}
	}
	seen := entry.Sighting()
	seen.Holdings = m.holdings(entry, l)
	for _, store := range entry.Stores {
		if l.HeldIn(store) || entry.left(store) {
			continue
		}
		if why := unknown(store); why != "" {
			seen.Kinds, seen.Unknown = nil, append(seen.Unknown, why)
		}
	}
	return seen
}

// Remaining are the stores in which the lock was seen, and in which no scan saw that it is
// gone.
func (e Entry) Remaining() []string {
	return slices.DeleteFunc(slices.Clone(e.Stores), e.left)
}

// left reports whether a scan read the store without the lock's half after another one saw it there.
func (e Entry) left(store string) bool {
	since, moved := e.Since[store]
	return moved && since.IsZero()
}

// holdings is what is known of each holding that a lock has now.
func (m Memory) holdings(entry Entry, l tflock.Lock) []policy.SeenHolding {
	list := make([]policy.SeenHolding, len(l.Holdings))
	for i, h := range l.Holdings {
		list[i] = policy.SeenHolding{Store: h.Store, NotBefore: m.Stores[h.Store].lastRead(l.Path)}
		if since, later := entry.Since[h.Store]; later && !since.IsZero() {
			list[i].First, list[i].NotBefore = since, entry.FirstSeen
		} else if !later && slices.Contains(entry.Stores, h.Store) {
			list[i].First, list[i].NotBefore = entry.FirstSeen, entry.NotBefore
		}
	}
	return list
}

// notBefore is the latest of the last readings of the lock's stores: a client that
// takes both halves takes them within moments, so a half that was absent then means
// that the lock was.
func (m Memory) notBefore(l tflock.Lock) time.Time {
	var latest time.Time
	for _, h := range l.Holdings {
		if read := m.Stores[h.Store].lastRead(l.Path); read.After(latest) {
			latest = read
		}
	}
	return latest
}
