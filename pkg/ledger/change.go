package ledger

import "github.com/lockwarden/lockwarden/pkg/policy"

// Change is what is new about a lock or a store since people were last notified.
type Change int

// The changes. Those up to Forget concern locks, the rest stores.
const (
	Note             Change = iota // nothing to notify, something to record
	Stuck                          // became stuck, or was already when first seen
	Reminder                       // still stuck: its reminder is due, or shares the message of one that is
	Unreadable                     // an unreadable holding that people were not notified of
	Resolved                       // people were notified that it is stuck, and it is gone
	Forget                         // gone without a notification, or no longer watched
	Failed                         // a store cannot be read, and people should know now
	StillFailed                    // its reminder is due, or shares the message of one that is
	Recovered                      // a store that people know as failing was read again, twice in a row
	StoreDisappeared               // a store that a pattern covers was there, and no longer exists
	Unmatched                      // a pattern that has never matched anything
	Unsafe                         // a store does not honour conditional requests, and people do not know
	ReleasePlanned                 // an automatic release is planned; no Step has it, since the monitor plans
	nothing                        // of an absent lock: nothing to notify or record
)

// String returns the change's name. The ledger stores the names of those that have slots as keys:
// never change one.
func (c Change) String() string {
	return [...]string{"note", "stuck", "reminder", "unreadable", "resolved", "forget", "failed", "still failed", "recovered", "gone", "unmatched", "unsafe", "release planned", "nothing"}[c]
}

// Step is one change of a lock. Entry is the memory once people are notified, or for
// Resolved and Forget the memory that ends.
type Step struct {
	Change Change
	Key    Key
	Entry  Entry
	// Current is another lock that is on the path already: of Resolved only, nil if none.
	Current *policy.Description
	Past    *Past // of a lock that has ended, its record for the history
	// Shared says that the prefix of a Stuck or Resolved lock has had its messages for now, so that it shares one.
	Shared bool
	ended  bool // the lock was watched until its end
	before Entry
}

// Store is the ARN of the store in which the lock was first seen, or empty in rows of older versions.
func (s Step) Store() string {
	if len(s.Entry.Stores) == 0 {
		return ""
	}
	return s.Entry.Stores[0]
}

// Unnotified is the step when its event could not be published: the sighting is recorded,
// since the lock's age rests on it, and the event remains to be published.
func (s Step) Unnotified() Step {
	if s.Change == Resolved || s.Change == Forget {
		if p := s.Past; p != nil {
			s.Entry.UnnotifiedEnd = &End{LastSeen: p.LastSeen, Ended: p.Ended, Settled: p.Settled}
		}
		return Step{Change: Note, Key: s.Key, Entry: s.Entry, before: s.before}
	}
	s.Change, s.Entry.Notified, s.Entry.NotifiedAt = Note, s.before.Notified, s.before.NotifiedAt
	return s
}

// StoreStep is one change of a store.
type StoreStep struct {
	Change     Change
	ARN        string
	Store      Store  // the memory once people are notified; for Recovered and Gone the memory that ends
	Unnotified Store  // the memory when the event could not be published
	Problem    string // begins with the ARN; empty for Recovered
}
