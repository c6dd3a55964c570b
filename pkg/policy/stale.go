package policy

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Fate is how prune judged or handled a stale state.
type Fate string

// The fates.
const (
	Pruned     Fate = "pruned"
	WouldPrune Fate = "would_prune" // a dry run, or PruneMode=report
	Kept       Fate = "kept"
)

// KeptReason is why a stale state was kept.
type KeptReason string

// The reasons, in order of precedence: a state that is kept for several says the first.
const (
	KeptProtected      KeptReason = "protected"          // it carries the object tag lockwarden:keep, or S3 refuses to delete it
	KeptUnversioned    KeptReason = "unversioned_bucket" // its delete could not be undone
	KeptLocked         KeptReason = "locked"             // or it cannot be locked, or whether it is locked is not known
	KeptUnreadable     KeptReason = "unreadable"         // no certain judgement on its bytes
	KeptEncrypted      KeptReason = "encrypted"          // OpenTofu encrypted it, so nobody can see what it manages
	KeptHasResources   KeptReason = "has_resources"      // it manages infrastructure
	KeptHasOutputs     KeptReason = "has_outputs"        // other configurations may read them
	KeptNoDigest       KeptReason = "no_digest"          // its clients may use a table that nobody watches
	KeptDigestMismatch KeptReason = "digest_mismatch"    // a lock table says that its bytes are others
	KeptChanged        KeptReason = "changed"            // it was written, or is gone, since it was listed
)

// Stale is one stale state with its fate: an entry of prune's answer and of
// its report.
type Stale struct {
	Path           tflock.Path `json:"path"`
	Fate           Fate        `json:"fate"`
	Reason         KeptReason  `json:"reason,omitempty"` // of a kept one
	Why            string      `json:"why,omitempty"`    // the reason in words; of a pruned one, what is to be known about its restore
	Serial         uint64      `json:"serial"`
	Lineage        string      `json:"lineage,omitempty"`
	LastModified   time.Time   `json:"last_modified"`             // S3's clock
	VersionID      string      `json:"version_id,omitempty"`      // of the bytes that were judged; restore brings them back
	ManagedObjects int         `json:"managed_objects,omitempty"` // instances, as `terraform workspace delete` counts them
	Types          []TypeCount `json:"types,omitempty"`           // of the managed objects, the most frequent first, at most MaxTypes
}

// TypeCount is how many managed objects a resource type has.
type TypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// MaxTypes bounds the types that a Stale names, so that no state makes an answer too
// large.
const MaxTypes = 10

// Abandoned reports whether someone may still pay for what a stale state manages. A
// protected one is nobody's forgotten state: somebody tagged it.
func (s Stale) Abandoned() bool { return s.ManagedObjects > 0 && s.Reason != KeptProtected }
