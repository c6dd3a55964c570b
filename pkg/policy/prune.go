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
	Protected    bool   // it carries KeepTag
	Versioned    bool   // its bucket keeps versions
	WhyLocked    string // who holds it, or why that cannot be known
	Read         bool   // its bytes were read, and Contents says what is in them
	WhySealed    string // why its bytes cannot be had
	Contents     tfstate.Summary
	WhyNoDigest  string // why its missing digest matters
	MismatchedIn string // which table says that its bytes are others
	WhyChanged   string // how it differs from what was listed and looked at
}

// MayPrune reports whether a stale state may be deleted, or the first reason against it,
// also in words. Only a state that is certainly empty may.
func MayPrune(f StateFacts) (ok bool, reason KeptReason, why string) {
	switch c := f.Contents.Condition; {
	case f.Protected:
		return false, KeptProtected, "it carries the object tag " + KeepTag
	case !f.Versioned:
		return false, KeptUnversioned, "its bucket keeps no versions, so that a delete could not be undone"
	case f.WhyLocked != "":
		return false, KeptLocked, f.WhyLocked
	case f.WhySealed != "":
		return false, KeptUnreadable, f.WhySealed
	case !f.Read && f.WhyChanged != "":
		return false, KeptChanged, f.WhyChanged
	case !f.Read:
		return false, KeptUnreadable, "its bytes were not read"
	case c == tfstate.Unreadable:
		return false, KeptUnreadable, f.Contents.Why
	case c == tfstate.Encrypted:
		return false, KeptEncrypted, "it is encrypted, so that nobody without the key can see what it manages"
	case c == tfstate.HasResources:
		return false, KeptHasResources, fmt.Sprintf("it manages %d objects", f.Contents.Managed)
	case c == tfstate.HasOutputs:
		return false, KeptHasOutputs, fmt.Sprintf("it has %d outputs, which other configurations may read", f.Contents.Outputs)
	case f.WhyNoDigest != "":
		return false, KeptNoDigest, f.WhyNoDigest
	case f.MismatchedIn != "":
		return false, KeptDigestMismatch, f.MismatchedIn
	case f.WhyChanged != "":
		return false, KeptChanged, f.WhyChanged
	case c == tfstate.Empty:
		return true, "", "it manages nothing and has no outputs"
	default:
		return false, KeptUnreadable, "its condition is unknown"
	}
}
