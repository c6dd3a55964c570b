package policy

import (
	"fmt"
	"time"
)

// MayRelease says whether a lock may be released without force, and why not. It
// refuses a lock that is not proven to be older than guard and a state written within
// guard, since a released live lock gives a state two writers and nothing fences the
// first one off. It refuses too when the state could not be looked at, unless its bucket
// is not watched: then nobody could ever look.
func MayRelease(j Judgement, state State, watched bool, guard time.Duration, now time.Time) (ok bool, reason string) {
	switch {
	case j.Unseen && j.Held >= guard:
		return false, fmt.Sprintf("no scan has seen this lock before, so it may have been taken a moment ago, whatever time it says itself (guard %s)", Words(guard))
	case j.HeldAtLeast < guard:
		return false, fmt.Sprintf("the lock is %s old, and its run may well be alive (guard %s)", youth(j), Words(guard))
	case !state.Written.IsZero() && now.Sub(state.Written) <= guard:
		return false, fmt.Sprintf("the state was written %s ago: somebody is at work on it (guard %s)", Words(now.Sub(state.Written)), Words(guard))
	case watched && state.Problem != "":
		return false, "whether the state was written recently is not known: " + state.Problem
	case state.Problem != "":
		return true, "nobody could check whether the state was written recently: " + state.Problem
	}
	return true, fmt.Sprintf("the lock is %s old and its state was not written within %s", j.Age(), Words(guard))
}

// youth says how old a lock is that is not proven to be old enough.
func youth(j Judgement) string {
	if j.Held-j.HeldAtLeast < clockTolerance {
		return "only " + Words(j.Held)
	}
	return fmt.Sprintf("proven to be only %s", Words(j.HeldAtLeast))
}
