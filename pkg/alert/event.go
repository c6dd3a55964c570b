package alert

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Type says what happened.
type Type string

// The event types.
const (
	LockStuck      Type = "lock.stuck"      // once a lock
	LockReminder   Type = "lock.reminder"   // every RemindEvery
	LockResolved   Type = "lock.resolved"   // a lock that was told as stuck is gone
	LockUnreadable Type = "lock.unreadable" // once a row or object that is no lock
	LockReleased   Type = "lock.released"   // by our unlock function
	LockRefused    Type = "lock.refused"    // by our unlock function
	ScanFailed     Type = "scan.failed"     // once a backend, then every RemindEvery
	ScanRecovered  Type = "scan.recovered"
	PruneReported  Type = "prune.report" // once a prune that has something to say
)

// Severity is how much an event matters.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// SummaryAbove is how many new events of a type in one run are sent one by one; more
// become one.
const SummaryAbove = 10

// Actions are the commands that end the trouble, ready to paste into a shell.
type Actions struct {
	Unlock      string `json:"unlock_command,omitempty"`
	ForceUnlock string `json:"force_unlock_command,omitempty"`
}

// Event is one message. Its JSON is what machines receive.
type Event struct {
	Version  string           `json:"version"` // of this schema: "1"
	Type     Type             `json:"type"`
	Severity Severity         `json:"severity"`
	Time     time.Time        `json:"time"`
	Account  string           `json:"account"`
	Region   string           `json:"region"`
	Lock     *policy.Finding  `json:"lock,omitempty"`
	Locks    []policy.Finding `json:"locks,omitempty"`   // of a summary, as many as fit
	States   []policy.Stale   `json:"states,omitempty"`  // of a prune, as many as fit
	Omitted  int              `json:"omitted,omitempty"` // how many locks or states did not
	Text     string           `json:"text"`              // one sentence for people
	Details  []string         `json:"details,omitempty"` // what follows it, as many as fit: the backends of a scan.failed, the errors of a prune
	Actions  Actions          `json:"actions"`

	// paths are what the `path` attribute says: states, or ARNs of backends.
	paths []string
	// about is what the subject says of a prune.
	about string
	// pruned says that states went which can be brought back.
	pruned bool
}
