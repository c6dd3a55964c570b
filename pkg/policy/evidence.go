package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Liveness is how likely the run that holds a lock is alive. There is no heartbeat,
// so nothing proves it dead.
type Liveness string

// The degrees of liveness.
const (
	PossiblyLive Liveness = "possibly_live" // the state was written since the lock was taken, and lately
	LikelyOrphan Liveness = "likely_orphan" // stuck, the same ID in several scans, no such write
	Unknown      Liveness = "unknown"
)

// State is what was found about the state under a lock.
type State struct {
	Written time.Time // S3's LastModified; zero when the state does not exist
	Problem string    // why nobody could look; empty when somebody did
}

// Evidence is what speaks for or against a living run.
type Evidence struct {
	Liveness Liveness   `json:"liveness"`
	Reasons  []string   `json:"reasons"` // in words for people
	Written  *time.Time `json:"state_last_modified"`
}

// Weigh gathers the evidence on a judged lock. A write to its state within guard
// before now counts as recent: an apply writes snapshots at most every 20 seconds,
// but only when a resource changes, and a plan never writes. So the absence of
// a write proves nothing, and a recent one is taken as a sign of life.
func Weigh(l tflock.Lock, j Judgement, seen Sighting, state State, guard time.Duration, now time.Time) Evidence {
	e := Evidence{Liveness: Unknown}
	if j.Verdict == Unreadable {
		e.Reasons = unreadableReasons(l)
		return e
	}
	if !state.Written.IsZero() {
		e.Written = &state.Written
	}
	same := sameSince(l, seen)
	switch {
	case writtenLately(j, state, guard, now):
		e.Liveness = PossiblyLive
	case j.Verdict == Stuck && !same.IsZero() && state.Problem == "":
		e.Liveness = LikelyOrphan
	}
	e.Reasons = append(e.Reasons, ageReason(j), stateReason(j, state, guard, now), sameReason(same, seen, now))
	if j.Doubt != "" {
		e.Reasons = append(e.Reasons, j.Doubt)
	}
	e.Reasons = append(e.Reasons, oddities(l, seen)...)
	return e
}

func writtenLately(j Judgement, state State, guard time.Duration, now time.Time) bool {
	return state.Written.After(j.Since) && now.Sub(state.Written) <= guard
}

// sameSince is the first scan that saw one of the holdings that are there now, and zero
// where no scan did. An object that was written since is another holding.
func sameSince(l tflock.Lock, seen Sighting) time.Time {
	var first time.Time
	for _, h := range l.Holdings {
		at := seen.in(h.Store).First
		if !at.IsZero() && !h.Modified.After(at) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

func sameReason(same time.Time, seen Sighting, now time.Time) string {
	switch {
	case !same.IsZero():
		return fmt.Sprintf("the same lock in every scan since %s (%s)", Clock(same), Words(now.Sub(same)))
	case !seen.FirstSeen.IsZero():
		return "earlier scans saw this lock ID, but what is held now was taken after them: its client may have waited for the lock"
	default:
		return "first seen in this scan: the next one will show more"
	}
}

func ageReason(j Judgement) string {
	if j.Verdict == Stuck {
		return fmt.Sprintf("held for %s, longer than its threshold of %s", j.Age(), Words(j.Threshold))
	}
	return fmt.Sprintf("held for %s, within its threshold of %s", j.Age(), Words(j.Threshold))
}

// Age writes how long the lock was held, for people: "38m" where that is proven, else
// the bounds that are known.
func (j Judgement) Age() string {
	most, least := Words(j.Held), Words(j.HeldAtLeast)
	switch {
	case most == least:
		return most
	case j.HeldAtLeast == 0:
		return "at most " + most
	default:
		return fmt.Sprintf("at least %s and at most %s", least, most)
	}
}

func stateReason(j Judgement, state State, guard time.Duration, now time.Time) string {
	ago := Words(now.Sub(state.Written))
	switch {
	case state.Problem != "":
		return "whether the state was written since is not known: " + state.Problem
	case state.Written.IsZero():
		return "no state has been written at this path"
	case !state.Written.After(j.Since):
		return fmt.Sprintf("the state was last written %s ago, before the lock was taken", ago)
	case writtenLately(j, state, guard, now):
		return fmt.Sprintf("the state was written %s ago, under this lock: the run may be alive", ago)
	default:
		return fmt.Sprintf("the state was written under this lock, but not for %s", ago)
	}
}

// oddities are the shapes of a lock that surprise the person who releases it.
func oddities(l tflock.Lock, seen Sighting) []string {
	var reasons []string
	if lost := l.Lost(seen.Kinds); len(lost) > 0 {
		reasons = append(reasons, fmt.Sprintf("half-lock: its %s half is gone, its %s half is left; terraform force-unlock removes it and still exits with an error",
			names(lost), names(l.Kinds())))
	}
	if len(l.Rivals) > 0 {
		reasons = append(reasons, "conflict: the same state is also locked by "+clip(strings.Join(l.Rivals, ", "))+": two runs may believe that they own it")
	}
	return reasons
}

func names(kinds []tflock.Kind) string {
	words := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		switch kind {
		case tflock.DynamoDB:
			words = append(words, "DynamoDB")
		case tflock.S3:
			words = append(words, "S3")
		}
	}
	return strings.Join(words, " and ")
}

func unreadableReasons(l tflock.Lock) []string {
	var reasons []string
	for _, h := range l.Holdings {
		if h.Err != nil {
			reasons = append(reasons, h.Err.Error())
		}
	}
	return append(reasons, "its holder is unknown, so it is reported and never touched")
}
