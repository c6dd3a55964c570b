package prune

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/statelock"
)

// nullVersion is S3's ID of a version that was written without versioning.
const nullVersion = "null"

// past is what the version history says of a version.
type past int

const (
	notInHistory   past = iota // it is not there any more, so that nothing is known
	isCurrent                  // clients read it
	wasDeleted                 // a delete marker came next
	wasOverwritten             // another version came next: it was never deleted
)

// pastOf says what happened to a version, given the history from the newest back to it,
// and what came next.
func pastOf(history []backend.Version, id string) (p past, next backend.Version) {
	i := slices.IndexFunc(history, func(v backend.Version) bool { return v.ID == id && !v.Marker })
	switch {
	case i < 0:
		return notInHistory, backend.Version{}
	case i == 0:
		return isCurrent, backend.Version{}
	case history[i-1].Marker:
		return wasDeleted, history[i-1]
	default:
		return wasOverwritten, history[i-1]
	}
}

// byRun reports whether a delete marker of that time can be the work of an invocation that
// recorded it at another. Nothing else deletes a state that it holds the lock of.
func byRun(marker, recorded time.Time) bool {
	return !marker.Before(recorded.Add(-statelock.Skew)) && !marker.After(recorded.Add(statelock.Lifetime+statelock.Skew))
}

// replaced reports whether the marker of a delete took the place of the version itself, which S3
// does to a version that was written without versioning. Any other version stays in the
// history until it expires: where it is not there, it is unknown whether it went, whatever
// time a marker has.
func replaced(history []backend.Version, version string, recorded time.Time) bool {
	return version == nullVersion && len(history) > 0 && history[0].Marker && history[0].ID == nullVersion && byRun(history[0].Modified, recorded)
}
