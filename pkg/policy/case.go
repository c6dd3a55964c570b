package policy

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Case is one lock with everything that is known of it, and its judgement: the only value
// that decisions about a lock rest on. Judge comes first; what is learned later, as the
// state's last write, is added to the case before Evidence and MayRelease are asked. A
// further kind of evidence is one field here, whose zero value means that nothing is known.
type Case struct {
	tflock.Lock
	Seen  Sighting
	State State
	Run   *Run // the CI run behind the lock; nil: none is known, or nobody asked
	// Witness is who took the lock's object, as S3's own event says; nil: not known. See AddWitness.
	Witness *Witness
	// WitnessProblem is why who took it could not be read, although that may be on record;
	// empty where it was read, or nobody keeps such records.
	WitnessProblem string
	Judgement
}

// Rules are the settings that locks are judged by.
type Rules struct {
	Thresholds   Thresholds
	ReleaseGuard time.Duration // a lock younger than it, or a state written within it, is not released without force
}

// Sighting is what earlier scans know of a lock. Its zero value is a lock that no
// earlier scan saw.
type Sighting struct {
	FirstSeen time.Time // end of the scan that first saw it; zero: none yet
	// NotBefore is the start of the last complete reading of its store in which it
	// was absent: it cannot have been taken before. Zero where there was none.
	NotBefore time.Time
	Kinds     []tflock.Kind // every kind of holding that it was seen with; nil where Unknown is not empty
	// Unknown says of each store in which it was seen, and is not seen now, why that does not
	// show that its half there is gone.
	Unknown  []string
	ETag     string        // of the lock object that a scan saw last; empty where none did
	Released time.Time     // when it was released before, where a client has taken it again since; zero: it was not
	Holdings []SeenHolding // what is known of each holding that it has now; one without an entry was never seen
}

// SeenHolding is what earlier scans know of a lock's holding in one store. A client that
// waits for a table takes and drops its lock object again and again under one ID, so
// the age of a lock is proven for each of its holdings, not for the ID.
type SeenHolding struct {
	Store     string    // ARN
	First     time.Time // end of the first scan that saw it there, and every complete one since did; zero: none yet
	NotBefore time.Time // start of the last complete reading of the store without it; zero: none
}

// in returns what is known of the holding in a store.
func (s Sighting) in(store string) SeenHolding {
	for _, seen := range s.Holdings {
		if seen.Store == store {
			return seen
		}
	}
	return SeenHolding{Store: store}
}

// State is what was found out about the state under a lock.
type State struct {
	Written   time.Time // S3's LastModified; zero when the state does not exist
	Problem   string    // why its last write is not known; empty when it is
	Unwatched bool      // its bucket is not watched, so its last write can never be known
}
