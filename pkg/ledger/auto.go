package ledger

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Check is what the monitor last found out about a lock's run, and why it does not release
// the lock automatically. The dashboard shows it.
type Check struct {
	At       time.Time   `json:"at"` // start of the scan
	Run      *policy.Run `json:"run,omitempty"`
	Detail   string      `json:"detail,omitempty"` // of the run, which its JSON lacks
	Selected bool        `json:"selected"`         // AutoRelease selects the lock
	HeldBack []string    `json:"held_back,omitempty"`
	Stores   []string    `json:"stores,omitempty"` // ARNs of what holds the lock
}

// Plan is a planned release: people were notified of it at that time.
type Plan struct {
	Basis     policy.Basis    `json:"basis"`
	Mode      policy.AutoMode `json:"mode"`
	Published time.Time       `json:"published"` // end of the scan whose event it was
	// NotBefore is when people were notified that the lock is released at the earliest; zero
	// in rows of older versions. See [Plan.Earliest].
	NotBefore time.Time `json:"not_before,omitzero"`
	// Claimed is when the monitor was about to invoke the unlock function; zero: not yet.
	Claimed time.Time `json:"claimed,omitzero"`

	body    string // as it was read
	expires time.Time
}

// claimTime is how long a claim keeps others from invoking: longer than the unlock
// function may take, so that an invocation whose answer was lost is over.
const claimTime = 150 * time.Second

// Open reports whether the release may be claimed now.
func (p Plan) Open(now time.Time) bool { return p.Claimed.IsZero() || now.Sub(p.Claimed) >= claimTime }

// Earliest is when the release may be made, for a monitor that scans that often.
func (p Plan) Earliest(scanEvery time.Duration) time.Time {
	if p.NotBefore.IsZero() {
		return p.Published.Add(scanEvery)
	}
	return p.NotBefore
}

// Keep is somebody's wish that a lock is not released automatically. Its rows begin with stop#.
type Keep struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Stores []string  `json:"stores,omitempty"` // ARNs of what held the lock then

	expires time.Time
}

// AutoRelease is what is remembered of one lock for its automatic release.
type AutoRelease struct {
	Check *Check
	Plan  *Plan
	Keep  *Keep
}

// StoresOf are the ARNs of what holds a lock.
func StoresOf(l tflock.Lock) []string {
	stores := make([]string, len(l.Holdings))
	for i, h := range l.Holdings {
		stores[i] = h.Store
	}
	return stores
}

// Stores are those in which the lock was seen, as ARNs, some more than once. None: they are
// not known.
func (a AutoRelease) Stores() []string {
	var stores []string
	if a.Check != nil {
		stores = append(stores, a.Check.Stores...)
	}
	if a.Plan != nil {
		for _, h := range a.Plan.Basis.Holdings {
			stores = append(stores, h.Store)
		}
	}
	if a.Keep != nil {
		stores = append(stores, a.Keep.Stores...)
	}
	return stores
}

// AutoMemory is what is remembered of all locks.
type AutoMemory struct {
	Locks map[Key]AutoRelease
	Brake policy.Brake

	brake string // its row's body as it was read; empty: there is no row
}

// Paused reports whether automatic release is paused at a time.
func (m AutoMemory) Paused(now time.Time) bool {
	_, said := m.Brake.Next(now)
	return said != policy.Go
}

// HasPlan reports whether this is the plan of a lock that is remembered, claimed or not.
func (m AutoMemory) HasPlan(key Key, p Plan) bool {
	known := m.Locks[key].Plan
	return known != nil && known.Published.Equal(p.Published)
}

// NotHeld returns the locks that are remembered and no longer held, in order.
func (m AutoMemory) NotHeld(held func(Key) bool) []Key {
	var keys []Key
	for key := range m.Locks {
		if !held(key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, Key.Compare)
	return keys
}
