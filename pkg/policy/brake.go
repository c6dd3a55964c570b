package policy

import (
	"slices"
	"time"
)

// Automatic releases are bounded: what CI systems and session names say is chosen by
// others, and a flood of releases is a fault or an attack more often than it is work. Both
// numbers are also in words in alert.Composer.AutoPaused and in the monitor's pausedNow.
const (
	brakeReleases = 3
	brakeTime     = time.Hour
)

// Brake bounds the automatic releases of a stack: at most three invocations in any hour.
// When a fourth is due it pauses them, until an hour has passed without one.
type Brake struct {
	Invoked []time.Time `json:"invoked"` // the last ones, oldest first
	Paused  bool        `json:"paused"`
}

// Braked is what the brake says of one more invocation.
type Braked int

// What it can say.
const (
	Go      Braked = iota // make it
	Pause                 // do not, and notify people: the pause begins
	Waiting               // do not: it is paused already
)

func (b Braked) String() string { return [...]string{"go", "pause", "waiting"}[b] }

// Next reports whether one more invocation may be made now, and returns the brake after it.
func (b Brake) Next(now time.Time) (Brake, Braked) {
	recent := slices.DeleteFunc(slices.Clone(b.Invoked), func(t time.Time) bool { return now.Sub(t) >= brakeTime })
	switch {
	case b.Paused && len(recent) > 0:
		return b, Waiting
	case len(recent) >= brakeReleases:
		return Brake{Invoked: recent, Paused: true}, Pause
	}
	return Brake{Invoked: append(recent, now.UTC())}, Go
}
