package policy

import "fmt"

// MayRelease reports whether the lock may be released without force, and why not. It
// refuses a lock that is not proven to be older than the guard and a state written within
// the guard, since a released live lock gives a state two writers and nothing fences the
// first one off. It refuses while the CI run behind the lock is in progress, and when the state's last write is not known, unless its bucket
// is not watched: then it can never be known.
func (c Case) MayRelease() (ok bool, reason string) {
	written := c.At.Sub(c.State.Written)
	switch {
	case c.inProgress():
		return false, c.Run.Words(c.At)
	case !c.Seen.Released.IsZero():
		return false, fmt.Sprintf("a release at %s removed it, or may have, and a client that waited for it may have taken it again since, with the same ID: how long that one has it is not proven", Clock(c.Seen.Released))
	case c.Unseen && c.Held >= c.Guard:
		return false, fmt.Sprintf("no scan has seen this lock before, so it may have been taken a moment ago, whatever time it says itself (guard %s)", Words(c.Guard))
	case c.HeldAtLeast < c.Guard:
		return false, fmt.Sprintf("the lock is %s old, and its run may well be alive (guard %s)", c.youth(), Words(c.Guard))
	case !c.State.Written.IsZero() && written <= c.Guard:
		return false, fmt.Sprintf("the state was written %s ago: somebody is working on it (guard %s)", Words(written), Words(c.Guard))
	case c.State.Problem != "" && !c.State.Unwatched:
		return false, "whether the state was written recently is not known: " + c.State.Problem
	case c.State.Problem != "":
		return true, "nobody could check whether the state was written recently: " + c.State.Problem
	}
	return true, fmt.Sprintf("the lock is %s old and its state was not written within %s", c.Age(), Words(c.Guard))
}

// youth says how old a lock is that is not proven to be old enough.
func (j Judgement) youth() string {
	if j.Held-j.HeldAtLeast < ClockTolerance {
		return "only " + Words(j.Held)
	}
	return fmt.Sprintf("proven to be only %s", Words(j.HeldAtLeast))
}
