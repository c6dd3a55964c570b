package policy

import (
	"fmt"
	"time"
)

// MayRelease says whether a lock may be released without force, and why not. It
// refuses a lock younger than guard and a state written within guard, since a
// released live lock gives a state two writers and nothing fences the first one off.
// It refuses too when the state could not be looked at, unless its bucket is none of
// those that are watched: then nobody could ever look.
func MayRelease(j Judgement, state State, watched bool, guard time.Duration, now time.Time) (ok bool, reason string) {
	switch {
	case j.Held < guard:
		return false, fmt.Sprintf("the lock is only %s old: its run may well be alive (guard %s)", Words(j.Held), Words(guard))
	case !state.Written.IsZero() && now.Sub(state.Written) <= guard:
		return false, fmt.Sprintf("the state was written %s ago: somebody is at work on it (guard %s)", Words(now.Sub(state.Written)), Words(guard))
	case watched && state.Problem != "":
		return false, "whether the state was written lately is not known: " + state.Problem
	case state.Problem != "":
		return true, "nobody could look whether the state was written lately: " + state.Problem
	}
	return true, fmt.Sprintf("the lock is %s old and its state was not written within %s", Words(j.Held), Words(guard))
}
