package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Release is the record of a release or refusal. It carries the lock's exact bytes,
// so that one that should have stayed can be put back.
type Release struct {
	At          time.Time          `json:"at"`
	Outcome     string             `json:"outcome"`  // Releasing until it is known
	Halves      []Half             `json:"halves"`   // what was to be removed, and how it ended
	Finished    bool               `json:"finished"` // the outcome is known and the event is out
	Reason      string             `json:"reason"`
	RequestedBy string             `json:"requested_by"`
	Forced      bool               `json:"forced"`
	Why         string             `json:"why,omitempty"` // why it was refused, or why it is unknown how a half ended
	Request     string             `json:"request"`       // Lambda's request ID
	Held        []Bytes            `json:"held"`
	Description policy.Description `json:"description"` // what the event says of the lock
}

// Releasing is the outcome on record before the first delete. A record that keeps it
// belongs to an invocation that died.
const Releasing = "releasing"

// HalfFate is how one half of a lock ended.
type HalfFate string

// The fates.
const (
	HalfRemoved HalfFate = "removed" // gone, by this release
	HalfGone    HalfFate = "gone"    // gone; whether by this release or by its holder is not known
	HalfKept    HalfFate = "kept"    // still there, as it was
	HalfChanged HalfFate = "changed" // another lock is there
	HalfUnknown HalfFate = "unknown" // the delete may have had its effect, or was never sent
	// HalfUnwatched is a half that was seen in a store which nobody watches any more: nothing
	// was sent there, and whether it is still there is not known.
	HalfUnwatched HalfFate = "unwatched"
)

// Half is one holding of a lock on record.
type Half struct {
	Store string      `json:"store"` // ARN
	Kind  tflock.Kind `json:"kind"`
	Fate  HalfFate    `json:"fate"`
}

// Kinds returns the kinds of the halves that ended in one of these ways.
func (r Release) Kinds(fates ...HalfFate) []tflock.Kind {
	list := []tflock.Kind{}
	for _, h := range r.Halves {
		if slices.Contains(fates, h.Fate) {
			list = append(list, h.Kind)
		}
	}
	return list
}

// Any reports whether a half ended in one of these ways.
func (r Release) Any(fates ...HalfFate) bool { return len(r.Kinds(fates...)) > 0 }

// Recorded is the record of a release, and the lock that it is about.
type Recorded struct {
	Key     Key
	Release Release
}

// FinishWithin is how long after a release its unknown halves are looked at again, where
// something that may pass hides it: a key that may not be used during a deployment, or a store
// that cannot be read. Only then it is unknown.
const FinishWithin = 24 * time.Hour

// Waits reports whether the record waits for what may pass.
func (r Recorded) Waits(now time.Time) bool { return now.Sub(r.Release.At) < FinishWithin }

// FateOf finds out how a half of a record ended, by what its store holds now: HalfKept or HalfGone,
// or HalfUnknown and why it cannot be known. An empty fate says that the half cannot be seen
// at the moment, and an error that its store could not be asked: the record then waits.
type FateOf func(ctx context.Context, store string, one Recorded) (fate HalfFate, why string, err error)

// NotWatched is why it is unknown how a half ended whose store is not watched any more. The
// half may be there: whoever stops watching a store does not empty it.
func NotWatched(store string) string { return store + " is not watched any more" }

// NotReadable is why that is unknown of a half in a store where something cannot be read.
func NotReadable(store string, err error) string {
	return fmt.Sprintf("what is in its place in %s cannot be read: %v", store, err)
}

// maxAsked bounds what a caller wrote, in bytes.
const maxAsked = 4 << 10

// bounded cuts the record to what a row of 400 KB holds: a lock alone may have that.
func (r Release) bounded() Release {
	r.Reason, r.RequestedBy, r.Why = cut(r.Reason, maxAsked), cut(r.RequestedBy, maxAsked), cut(r.Why, maxAsked)
	r.Held = slices.Clone(r.Held)
	room := maxHeld
	for i := range r.Held {
		r.Held[i] = r.Held[i].within(room)
		room -= r.Held[i].size()
	}
	return r
}
