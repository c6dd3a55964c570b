package alert

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Type says what happened.
type Type string

// The event types.
const (
	LockStuck      Type = "lock.stuck"      // once per lock
	LockReminder   Type = "lock.reminder"   // a stuck lock is still there
	LockResolved   Type = "lock.resolved"   // a lock that people were notified of is gone
	LockUnreadable Type = "lock.unreadable" // something that cannot be read as a lock
	LockReleased   Type = "lock.released"   // by our unlock function
	LockRefused    Type = "lock.refused"    // by our unlock function
	ScanFailed     Type = "scan.failed"     // a table or bucket cannot be read
	ScanRecovered  Type = "scan.recovered"
	PruneReported  Type = "prune.report" // once per prune that has something to say
	WeeklyReport   Type = "report.weekly"

	StateFinding         Type = "state.finding"          // something is wrong with a state; once per finding
	StateFindingResolved Type = "state.finding_resolved" // what people were notified of is gone
	StateRepaired        Type = "state.repaired"

	LockReleasePlanned Type = "lock.release_planned" // a lock whose run is known to be over will be released, or could be
	AutoPaused         Type = "auto.paused"          // once per pause of automatic releases
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

// Event is one message. Its JSON is what machines receive, and it is complete: mail, chat
// and Slack are rendered from these fields and nothing else, so an event that was encoded
// and decoded renders the same everywhere.
type Event struct {
	Version    string    `json:"version"`                      // of this schema: "1"
	Lockwarden string    `json:"lockwarden_version,omitempty"` // which release made the event
	Type       Type      `json:"type"`
	Severity   Severity  `json:"severity"`
	Time       time.Time `json:"time"`
	Account    string    `json:"account"`
	Region     string    `json:"region"`
	Subject    string    `json:"subject"` // state, holder, age and run in less than 100 ASCII characters
	Text       string    `json:"text"`    // the same in sentences; the first one alone says what matters

	Lock    *policy.Description `json:"lock,omitempty"`
	Plan    *Plan               `json:"plan,omitempty"`         // of a planned release
	Release *Release            `json:"release,omitempty"`      // who asked for a release, and what came of it
	Removal *policy.Removal     `json:"removal,omitempty"`      // of a resolved lock: who removed it, where S3's event of that is known
	Current *policy.Description `json:"current_lock,omitempty"` // of a resolved lock: another one that is on its state already

	Locks    []Item   `json:"locks,omitempty"`    // of a shared message, in place of lock; as many as fit
	Prefixes []Prefix `json:"prefixes,omitempty"` // how many locks are under each top-level prefix, as many as fit

	States []policy.Stale `json:"states,omitempty"` // of a prune, as many as fit
	Prune  *PruneCounts   `json:"prune,omitempty"`

	Week     *Week                 `json:"report,omitempty"`   // of a weekly report
	Findings []policy.StateFinding `json:"findings,omitempty"` // of an inventory, as many as fit
	Repair   *Repair               `json:"repair,omitempty"`

	Stores  []Store  `json:"backends,omitempty"` // of a scan
	Details []string `json:"details,omitempty"`  // what a prune could not do, as many as fit
	Omitted int      `json:"omitted,omitempty"`  // how many locks, states or findings did not fit

	Steps   []string `json:"next_steps,omitempty"` // what to do, in this order
	Actions Actions  `json:"actions"`
	Links   Links    `json:"links"`

	bounded int // see Bounded; machines have it in Text
}

// Actions are commands that are ready to paste into a shell.
type Actions struct {
	// Unlock and ForceUnlock are given only where the lock's ID and path are plain; see
	// plainID and plainPath. They release this lock of this state, and no other.
	Unlock      string `json:"unlock_command,omitempty"`
	ForceUnlock string `json:"force_unlock_command,omitempty"`
	// UnlockForm is the unlock command of a shared message with placeholders for ID and path.
	UnlockForm string `json:"unlock_command_form,omitempty"`
	// Keep asks that a lock is not released automatically; of a planned release.
	Keep           string `json:"keep_command,omitempty"`
	UnlockFunction string `json:"unlock_function,omitempty"` // name of the function that the commands invoke
	Restore        string `json:"restore_command,omitempty"` // of a prune, with a placeholder for the path
}

// Links are pages that help.
type Links struct {
	Runbook   string `json:"runbook,omitempty"`
	Dashboard string `json:"dashboard,omitempty"`
}

// Item is one lock of a shared message.
type Item struct {
	policy.Description
	Ended   time.Time           `json:"-"` // of a resolved one: when a scan found it gone; zero: in this scan
	Release *Release            `json:"release,omitempty"`
	Removal *policy.Removal     `json:"removal,omitempty"`
	Current *policy.Description `json:"current_lock,omitempty"`
	Actions *Actions            `json:"actions,omitempty"`
}

// Outcome is what came of a request to release a lock.
type Outcome string

// The outcomes that events report.
const (
	Whole   Outcome = "released"
	Partly  Outcome = "partial" // one half is gone; the state may still be locked
	Gone    Outcome = "gone"    // whether by the release or by its holder is not known
	Refused Outcome = "refused"
	// Unknown: whether it is gone cannot be found out.
	Unknown Outcome = "unknown"
)

// Release is a request to release a lock.
type Release struct {
	Outcome     Outcome `json:"outcome"`
	RequestedBy string  `json:"requested_by"` // what the caller said; empty: nothing
	Reason      string  `json:"reason,omitempty"`
	Forced      bool    `json:"forced,omitempty"` // against the safety check
	Why         string  `json:"why,omitempty"`    // of a refusal; or why it is unknown whether a half is gone
}

// Store is one table or bucket of a scan event.
type Store struct {
	ARN     string `json:"arn"`
	Problem string `json:"problem,omitempty"` // why it cannot be read; empty when it was read again
	// Since is when it began to fail, or when one that is deleted was last read. A pattern
	// that matches nothing has none.
	Since  time.Time `json:"since,omitzero"`
	Absent Absence   `json:"absent,omitempty"`
	// Unsafe says that it can be read, and that locks in it cannot be relied on: Problem says
	// why.
	Unsafe bool `json:"unsafe,omitempty"`
	// Crowded says that all of it was read but a part, which Problem names: there are more locks
	// than a scan can read, or, where it is Withheld, S3 failed to give one.
	Crowded  bool `json:"crowded,omitempty"`
	Withheld bool `json:"withheld,omitempty"`
}

// Absence says that there is nothing to read, rather than that reading failed.
type Absence string

// The kinds of absence, of which all stores of an event have the same.
const (
	Deleted   Absence = "deleted"   // a table or bucket that a pattern covered no longer exists
	Unmatched Absence = "unmatched" // a pattern has never matched a table or bucket
)

// Absence is that of a scan event's stores; empty where they can be read or fail to be.
func (e Event) Absence() Absence {
	if len(e.Stores) == 0 {
		return ""
	}
	return e.Stores[0].Absent
}

// Unsafe reports whether a scan event is about stores whose locks cannot be relied on.
func (e Event) Unsafe() bool { return len(e.Stores) > 0 && e.Stores[0].Unsafe }

// PruneCounts is what one prune did with all stale states, listed or not.
type PruneCounts struct {
	Pruned     int `json:"pruned"`
	WouldPrune int `json:"would_prune"` // with PruneMode=report
	Kept       int `json:"kept"`        // abandoned ones included
	Abandoned  int `json:"abandoned"`   // stale, and still managing infrastructure
}

// items are the event's locks in one shape: those of a shared message, or the only one.
func (e Event) items() []Item {
	if e.Lock == nil {
		return e.Locks
	}
	return []Item{{Description: *e.Lock, Release: e.Release, Removal: e.Removal, Current: e.Current, Actions: &e.Actions}}
}

// paths are the states, or the ARNs of stores, that the event is about: what the
// attribute `path` says.
func (e Event) paths() []string {
	var all []string
	for _, i := range e.items() {
		all = append(all, i.Path)
	}
	for _, s := range e.States {
		all = append(all, string(s.Path))
	}
	for _, f := range e.Findings {
		for _, path := range f.All() {
			all = append(all, string(path))
		}
	}
	for _, b := range e.Stores {
		all = append(all, b.ARN)
	}
	if e.Repair != nil {
		all = append(all, e.Repair.Path)
	}
	return all
}
