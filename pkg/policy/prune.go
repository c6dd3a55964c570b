package policy

import (
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// KeepTag is the object tag that keeps a state from being pruned, whatever its value. S3
// drops an object's tags when the object is written again, so that it lasts until a client
// writes the state; OpenTofu 1.11 and later set it with every write if the backend's
// state_tags name it. An exclusion in PrunePaths lasts.
const KeepTag = "lockwarden:keep"

// KeepAdvice says how to keep a stale state, in the words of every message and page.
const KeepAdvice = "exclude it in PrunePaths (!branches/demo/**), or tag the state object " + KeepTag + ", which lasts until a client writes the state (OpenTofu keeps it with state_tags)"

// StateFacts is what is known of a stale state when it is judged. An empty text means
// that the fact is not so.
type StateFacts struct {
	Protected bool   // it carries KeepTag
	Versioned bool   // its bucket keeps versions
	Locked    string // who holds it, or why that cannot be known
	Read      bool   // its bytes were read, and Contents says what is in them
	Sealed    string // why its bytes cannot be had
	Contents  tfstate.Summary
	NoDigest  string // why its missing digest matters
	Digest    string // which table says that its bytes are others
	Changed   string // how it differs from what was listed and looked at
}

// MayPrune reports whether a stale state may be deleted, or the first reason against it,
// also in words. Only a state that is certainly empty may.
func MayPrune(f StateFacts) (ok bool, reason Reason, why string) {
	switch c := f.Contents.Condition; {
	case f.Protected:
		return false, Protected, "it carries the object tag " + KeepTag
	case !f.Versioned:
		return false, Unversioned, "its bucket keeps no versions, so that a delete could not be undone"
	case f.Locked != "":
		return false, Locked, f.Locked
	case f.Sealed != "":
		return false, UnreadableFile, f.Sealed
	case !f.Read && f.Changed != "":
		return false, Changed, f.Changed
	case !f.Read:
		return false, UnreadableFile, "its bytes were not read"
	case c == tfstate.Unreadable:
		return false, UnreadableFile, f.Contents.Why
	case c == tfstate.Encrypted:
		return false, Encrypted, "it is encrypted, so that nobody without the key can see what it manages"
	case c == tfstate.HasResources:
		return false, HasResources, fmt.Sprintf("it manages %d objects", f.Contents.Managed)
	case c == tfstate.HasOutputs:
		return false, HasOutputs, fmt.Sprintf("it has %d outputs, which other configurations may read", f.Contents.Outputs)
	case f.NoDigest != "":
		return false, NoDigest, f.NoDigest
	case f.Digest != "":
		return false, DigestMismatch, f.Digest
	case f.Changed != "":
		return false, Changed, f.Changed
	case c == tfstate.Empty:
		return true, "", "it manages nothing and has no outputs"
	default:
		return false, UnreadableFile, "its condition is unknown"
	}
}
