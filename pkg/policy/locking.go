package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Locking is where the clients of a state were seen to lock it.
type Locking string

// The ways to lock a state.
const (
	ByTable    Locking = "table"
	ByBoth     Locking = "both"
	ByLockfile Locking = "lockfile"
)

// LockingOf returns the way that these kinds of holdings are, and an empty one for none.
func LockingOf(kinds []tflock.Kind) Locking {
	table, lockfile := slices.Contains(kinds, tflock.DynamoDB), slices.Contains(kinds, tflock.S3)
	switch {
	case table && lockfile:
		return ByBoth
	case table:
		return ByTable
	case lockfile:
		return ByLockfile
	default:
		return ""
	}
}

// LockingSeen is a run of locks of one state that were all taken in the same way.
type LockingSeen struct {
	Locking Locking   `json:"locking"`
	First   time.Time `json:"first"` // when the first of them was first seen: the end of that scan
	Last    time.Time `json:"last"`  // when the last of them was first seen
	Locks   int       `json:"locks"`
}

// Mixed reports whether the clients of a state do not exclude each other: its locks were seen
// in one of both places alone, then in the other alone, then in the first alone again. One
// change is a migration. A lock in both places excludes every client, and says nothing.
func Mixed(path tflock.Path, seen []LockingSeen) (StateFinding, bool) {
	if !thereAndBack(seen) {
		return StateFinding{}, false
	}
	return StateFinding{
		Type: FindingMixedLocking, Path: path, Severity: SeverityCritical, Evidence: StateEvidence{Locking: seen},
		Text: fmt.Sprintf("Some clients lock state %s in the table alone and others by lockfile alone, so that they do not exclude each other: two of them can write it at once. Give all of them the same settings, best use_lockfile and dynamodb_table both until the last one has changed.", plain.Quoted(path)),
	}, true
}

func thereAndBack(seen []LockingSeen) bool {
	changes := 0
	var last Locking
	for _, s := range seen {
		if s.Locking != ByTable && s.Locking != ByLockfile {
			continue
		}
		if last != "" && s.Locking != last {
			changes++
		}
		last = s.Locking
	}
	return changes >= 2
}

// MixedWrites says the same from the traces that writers left: versions of the state, the oldest
// first, each with how its writer locks. So clients are found whose locks no scan ever met.
func MixedWrites(path tflock.Path, versions []StateVersion) (StateFinding, bool) {
	var seen []LockingSeen
	for _, v := range versions {
		seen = append(seen, LockingSeen{Locking: v.Locking})
	}
	if !thereAndBack(seen) {
		return StateFinding{}, false
	}
	var parts []string
	for _, v := range versions {
		switch v.Locking {
		case ByTable:
			parts = append(parts, "the "+v.named()+" was written without a lockfile and recorded in the table")
		case ByLockfile:
			parts = append(parts, "the "+v.named()+" under a lockfile and not recorded in the table")
		}
	}
	parts = parts[max(0, len(parts)-3):]
	return StateFinding{
		Type: FindingMixedLocking, Path: path, Severity: SeverityCritical, Evidence: StateEvidence{Versions: versions},
		Text: fmt.Sprintf("Some clients lock state %s in the table alone and others by lockfile alone, so that they do not exclude each other: two of them can write it at once. Its versions show it: %s. Give all clients the same settings, best use_lockfile and dynamodb_table both until the last one has changed. If one of them ran with -lock=false, have it lock.",
			plain.Quoted(path), strings.Join(parts, "; ")),
	}, true
}

// LockingNow is how a state is locked: the way of the latest locks that were seen; empty
// where none was.
func LockingNow(seen []LockingSeen) Locking {
	if len(seen) == 0 {
		return ""
	}
	return seen[len(seen)-1].Locking
}

// LockfileAlone reports whether every lock of a state that was seen since its last change of
// locking was a lockfile alone, so that clients read and write no digest.
func LockfileAlone(seen []LockingSeen) bool { return LockingNow(seen) == ByLockfile }
