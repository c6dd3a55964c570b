package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Problem is what can be wrong with a state.
type Problem string

// The problems that an inventory finds.
const (
	FindingDigestMismatch    Problem = "digest_mismatch"
	FindingDigestOrphan      Problem = "digest_orphan"
	FindingDuplicateResource Problem = "duplicate_resource"
	FindingLineageChanged    Problem = "lineage_changed"
	FindingSerialDecreased   Problem = "serial_decreased"
	FindingSerialReused      Problem = "serial_reused"
	FindingMixedLocking      Problem = "mixed_locking"
)

// Occurs reports whether a problem is something that happened, once, rather than something
// that is so until it is repaired. People are notified of it once, and it is never resolved.
func (p Problem) Occurs() bool {
	return p == FindingLineageChanged || p == FindingSerialDecreased || p == FindingSerialReused
}

// The severities of a finding.
const (
	SeverityInfo     = "info"
	SeverityWarning  = "warning"
	SeverityCritical = "critical"
)

// StateFinding is something wrong with a state, with evidence.
type StateFinding struct {
	Type     Problem       `json:"type"`
	Path     tflock.Path   `json:"path"` // bucket/key; of a duplicate, the first of both
	Severity string        `json:"severity"`
	Text     string        `json:"text"`
	Evidence StateEvidence `json:"evidence"`
	Since    time.Time     `json:"since"`         // when an inventory first found it
	Fix      *StateFix     `json:"fix,omitempty"` // what can be done about it by repair
}

// StateEvidence is what a finding rests on. Which fields there are depends on its type.
type StateEvidence struct {
	// Of a digest.
	Table       string        `json:"table,omitempty"`        // ARN of the table that has it
	Digest      string        `json:"digest,omitempty"`       // what the table says
	StateMD5    string        `json:"state_md5,omitempty"`    // what the state's bytes are
	VersionID   string        `json:"version_id,omitempty"`   // the version whose MD5 is the digest
	VersionTime *time.Time    `json:"version_time,omitempty"` // when that one was written
	WrittenBy   string        `json:"written_by,omitempty"`   // the session that wrote that one, where a witness saw its lock
	CurrentID   string        `json:"current_version_id,omitempty"`
	CurrentTime *time.Time    `json:"current_version_time,omitempty"`
	CurrentBy   string        `json:"current_written_by,omitempty"`
	UnreadSince *time.Time    `json:"unread_since,omitempty"` // since then clients write the state although the digest is another one
	Move        Move          `json:"move,omitempty"`         // the versions since then show clients that moved to lockfiles
	Rows        []tflock.Path `json:"rows,omitempty"`         // the paths under which the table has it, where they are not the state's

	// Of a duplicate.
	Paths     []tflock.Path `json:"paths,omitempty"`
	Count     int           `json:"count,omitempty"`
	Resources []Resource    `json:"resources,omitempty"` // the first 20

	// Of a change.
	Before *StateVersion `json:"before,omitempty"`
	After  *StateVersion `json:"after,omitempty"`
	LockOf string        `json:"lock_of,omitempty"` // the session that held the lock when both were written, so that one of them was not its own

	// Of mixed locking: the ways in which locks were seen, or in which versions were written, in order.
	Locking  []LockingSeen  `json:"locking,omitempty"`
	Versions []StateVersion `json:"versions,omitempty"`
}

// Resource names an object that two states manage, by its ARN, or by its ID and region.
type Resource struct {
	Type   string `json:"type"`
	ARN    string `json:"arn,omitempty"`
	ID     string `json:"id,omitempty"`
	Region string `json:"region,omitempty"`
}

// StateVersion is one version of a state.
type StateVersion struct {
	VersionID    string    `json:"version_id,omitempty"` // empty in a bucket without versions
	Serial       *uint64   `json:"serial,omitempty"`
	Lineage      string    `json:"lineage,omitempty"`
	LastModified time.Time `json:"last_modified"`
	WrittenBy    string    `json:"written_by,omitempty"` // the session, where a witness saw its lock
	Locking      Locking   `json:"locking,omitempty"`    // of mixed locking: how its writer locks
}

// StateFix is the request to the repair function that would end a finding. Who asks, and
// why, is still to be added.
type StateFix struct {
	Path      tflock.Path  `json:"path"`
	Action    RepairAction `json:"action"`
	VersionID string       `json:"version_id,omitempty"`
}

// Identity is what makes two findings the same one: type and path, and of a duplicate both
// paths. Of something that happened, also when.
func (f StateFinding) Identity() string {
	parts := []string{string(f.Type), string(f.Path)}
	for _, path := range f.Evidence.Paths {
		parts = append(parts, string(path))
	}
	if after := f.Evidence.After; after != nil {
		parts = append(parts, after.VersionID, after.LastModified.UTC().Format(time.RFC3339Nano))
	}
	return strings.Join(parts, "\x00")
}

// All are the paths that a finding is about.
func (f StateFinding) All() []tflock.Path {
	if len(f.Evidence.Paths) > 0 {
		return f.Evidence.Paths
	}
	return []tflock.Path{f.Path}
}

// Named are the paths that a finding is about, as a part of a sentence.
func (f StateFinding) Named() string {
	var names []string
	for _, path := range f.All() {
		names = append(names, plain.Quoted(path))
	}
	return strings.Join(names, " and ")
}

// SortFindings puts the severe ones first, then by type and path. Of those of a severity duplicates come last: whoever writes a state can have
// any number of them with another team's state, and what is wrong with that one alone has to come before them.
func SortFindings(all []StateFinding) {
	duplicate := func(f StateFinding) int {
		if f.Type == FindingDuplicateResource {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b StateFinding) int {
		return cmp.Or(severityRank(a.Severity)-severityRank(b.Severity), duplicate(a)-duplicate(b), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Path, b.Path), slices.Compare(a.Evidence.Paths, b.Evidence.Paths))
	})
}

func severityRank(severity string) int {
	return slices.Index([]string{SeverityCritical, SeverityWarning, SeverityInfo}, severity)
}

// Worse reports whether a severity is higher than another one; an unknown one is the highest.
func Worse(severity, than string) bool { return severityRank(severity) < severityRank(than) }

// Worst is the highest severity among findings; info where there are none.
func Worst(all []StateFinding) string {
	worst := SeverityInfo
	for _, f := range all {
		if Worse(f.Severity, worst) {
			worst = f.Severity
		}
	}
	return worst
}
