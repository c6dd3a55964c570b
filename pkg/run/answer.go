package run

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// answer puts together what was found of the runs that one lock names: in progress if one
// of them is, ended only if every one of them has, and unknown else.
func (n names) answer(l Named, found map[Reference]status, now time.Time) *policy.Run {
	var worst *policy.Run
	for _, r := range n.runs {
		worst = weigh(worst, describe(r, found[r], l, now))
	}
	if worst == nil || worst.Status != policy.RunEnded {
		return worst
	}
	doubt := ""
	switch {
	case n.strange:
		doubt = "the lock's tag `run` names another run, which cannot be asked about"
	case l.SessionProblem != "":
		doubt = "the session that took the lock could not be read, and may name another run: " + l.SessionProblem
	case l.TagsProblem != "":
		doubt = "the lock's tags could not be read, and may name another run: " + l.TagsProblem
	}
	if doubt != "" {
		worst.Status, worst.Ended, worst.Detail = policy.RunUnknown, nil, doubt
	}
	return worst
}

// weigh returns the one of two runs that decides: one in progress before an unknown one,
// before the one that ended last.
func weigh(a, b *policy.Run) *policy.Run {
	if a == nil {
		return b
	}
	rank := map[policy.RunStatus]int{policy.RunInProgress: 0, policy.RunUnknown: 1, policy.RunEnded: 2}
	if rank[b.Status] < rank[a.Status] || (a.Ended != nil && b.Ended != nil && b.Ended.After(*a.Ended)) {
		return b
	}
	return a
}

// describe returns one run as the lock's JSON has it.
func describe(r Reference, s status, l Named, now time.Time) *policy.Run {
	run := &policy.Run{Source: r.Source, ID: r.ID, URL: s.URL, Status: s.State, Detail: s.Detail}
	switch s.State {
	case policy.RunInProgress:
		return run
	case policy.RunEnded:
		ended := s.Ended
		if ended.IsZero() {
			ended = firstSeen(run, l.Earlier, now)
		}
		if problem := notItsRun(ended, l.Taken); problem != "" {
			run.Status, run.Detail = policy.RunUnknown, problem
			return run
		}
		run.Ended = &ended
		return run
	default:
		run.Status = policy.RunUnknown
		return run
	}
}

// firstSeen is when a run was first seen ended, of one whose source does not say when.
func firstSeen(run, earlier *policy.Run, now time.Time) time.Time {
	if earlier != nil && earlier.Source == run.Source && earlier.ID == run.ID && earlier.Status == policy.RunEnded && earlier.Ended != nil {
		return *earlier.Ended
	}
	return now.UTC()
}

// notItsRun says why a run that ended then is not known to be the one that took the lock;
// empty where it may be. Both times are of servers: S3's, and the CI system's.
func notItsRun(ended, taken time.Time) string {
	switch {
	case taken.IsZero():
		return "it has ended, and whether that was before this lock was taken is not known"
	case ended.Before(taken):
		return "it ended at " + policy.Clock(ended) + ", before this lock was taken, so it is not this lock's run"
	}
	return ""
}
