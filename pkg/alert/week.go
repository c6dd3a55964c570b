package alert

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Week is the figures of one week: the answer of the report function, and what its event
// carries. What was not measured is nil, and not zero.
type Week struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// WatchedSince is when the first scan of what is watched began, where that is within the
	// week.
	WatchedSince *time.Time `json:"watched_since,omitempty"`
	// UnwatchedSeconds is how long no scan read anything: the locks of that time are not
	// counted. Unread are the stores that were not read while others were.
	UnwatchedSeconds int64    `json:"unwatched_seconds,omitempty"`
	Unread           []Unread `json:"unread,omitempty"`

	Locks         WeekLocks `json:"locks"`
	TimeToResolve *Resolve  `json:"time_to_resolve,omitempty"` // of the stuck locks that ended
	// ResolvedBy is there where a lock was released automatically.
	ResolvedBy *ResolvedBy `json:"time_to_resolve_by,omitempty"`
	// PlannedReleases counts the locks whose automatic release was planned, and not done. It
	// is there while automatic release only reports.
	PlannedReleases *int `json:"planned_releases,omitempty"`

	WeekBefore *Before   `json:"week_before,omitempty"`
	MostStuck  MostStuck `json:"most_stuck"`

	LockSeconds         *int64 `json:"lock_seconds,omitempty"`      // how long states were locked within the week, all together
	PlanLockSeconds     *int64 `json:"plan_lock_seconds,omitempty"` // the part of it that plans took
	RefusedLockAttempts *int64 `json:"refused_lock_attempts,omitempty"`

	States             *WeekStates    `json:"states,omitempty"`
	OpenFindings       *int           `json:"open_findings,omitempty"` // as of the last inventory
	FindingsBySeverity *FindingCounts `json:"open_findings_by_severity,omitempty"`
	Locking            *Migration     `json:"locking,omitempty"`
	// TooMany says that there were more states or people than a report counts: where states
	// lock is then left out, and MostStuck is of those that were counted.
	TooMany bool `json:"too_many,omitempty"`
}

// Unread is a store that was not read for some time.
type Unread struct {
	Store   string `json:"store"` // ARN
	Seconds int64  `json:"seconds"`
}

// WeekLocks counts locks.
type WeekLocks struct {
	Taken    *int `json:"taken,omitempty"`     // as scans saw them
	Stuck    *int `json:"stuck,omitempty"`     // became stuck
	StuckNow int  `json:"stuck_now,omitempty"` // are stuck when the report is made
	// StuckUnread were stuck when their table or bucket was last read, which it is not any more.
	StuckUnread int `json:"stuck_unread,omitempty"`

	Released   int        `json:"released"` // released through us, or stuck and gone
	ReleasedBy []Releaser `json:"released_by"`
	// Of those released: how many were not stuck yet, and how many were stuck since before
	// the week. So there may be more of them than became stuck.
	ReleasedFresh int `json:"released_fresh,omitempty"`
	StuckBefore   int `json:"stuck_before,omitempty"`
}

// How a lock was released.
type How string

// The ways, of which the last three are of stuck locks. It is unknown where no witness saw
// who took the lock and who removed it.
const (
	ByLockwarden   How = "lockwarden"
	Automatically  How = "automatic"
	ByHolder       How = "holder"        // by the session that took it
	BySomebodyElse How = "somebody-else" // than the holder: by force-unlock, or by deleting the object
	ByUnknown      How = "unknown"
)

// Releaser is who released locks, and how many. Of ByLockwarden Who is what the caller
// said; of BySomebodyElse it is the session, or another principal; of the others nobody's
// name.
type Releaser struct {
	Who   string `json:"who"`
	How   How    `json:"how"`
	Count int    `json:"count"`
}

// Resolve is how long stuck locks were held until they were gone.
type Resolve struct {
	MedianSeconds  int64 `json:"median_seconds"`
	LongestSeconds int64 `json:"longest_seconds"`
}

// ResolvedBy is how long locks were held that were released through us, stuck or not:
// automatically, and because somebody asked.
type ResolvedBy struct {
	Automatic *CountedResolve `json:"automatic,omitempty"`
	ByHand    *CountedResolve `json:"by_hand,omitempty"`
}

// CountedResolve says of how many locks it is.
type CountedResolve struct {
	Count int `json:"count"`
	Resolve
}

// Before is the figures of the week before, to compare.
type Before struct {
	Taken         *int       `json:"taken,omitempty"`
	Stuck         *int       `json:"stuck,omitempty"`
	Released      int        `json:"released"`
	TimeToResolve *Resolve   `json:"time_to_resolve,omitempty"`
	Locking       *Migration `json:"locking,omitempty"`
}

// MostStuck is the states and people with the most stuck locks, the first ones.
type MostStuck struct {
	Paths  []PathCount `json:"paths"`
	People []WhoCount  `json:"people"`
}

// PathCount counts the stuck locks of a state.
type PathCount struct {
	Path  string `json:"path"`
	Count int    `json:"count"`
}

// WhoCount counts the stuck locks of a holder.
type WhoCount struct {
	Who   string `json:"who"`
	Count int    `json:"count"`
}

// WeekStates is what the prunes of the week did.
type WeekStates struct {
	Pruned    int  `json:"pruned"`
	Abandoned int  `json:"abandoned"`          // of the last prune
	AtLeast   bool `json:"at_least,omitempty"` // the last prune ran out of time
}

// FindingCounts counts open findings by their severity.
type FindingCounts struct {
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Info     int `json:"info"`
}

// Add counts a finding. An unknown severity is a warning.
func (c *FindingCounts) Add(severity string) {
	switch severity {
	case policy.SeverityCritical:
		c.Critical++
	case policy.SeverityInfo:
		c.Info++
	default:
		c.Warning++
	}
}

// Migration counts states by where their clients locked them last.
type Migration struct {
	Table    int `json:"table"`
	Both     int `json:"both"`
	Lockfile int `json:"lockfile"`
}
