package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Liveness is how likely the run that holds a lock is alive. There is no heartbeat, so
// nothing in a lock proves its run dead; a CI system may know.
type Liveness string

// The degrees of liveness.
const (
	PossiblyLive Liveness = "possibly_live" // the state was written since the lock was taken, and lately; or its CI run is in progress
	RunOver      Liveness = "run_ended"     // the CI run behind it is known to have ended
	LikelyOrphan Liveness = "likely_orphan" // stuck, the same ID in several scans, no such write
	Unknown      Liveness = "unknown"
)

// Words says it to people, of the run.
func (l Liveness) Words() string {
	switch l {
	case PossiblyLive:
		return "may be alive"
	case LikelyOrphan:
		return "likely dead"
	case RunOver:
		return "ended"
	default:
		return "unknown"
	}
}

// Evidence is what speaks for or against a living run.
type Evidence struct {
	Liveness Liveness   `json:"liveness"`
	Reasons  []string   `json:"reasons"` // in words for people
	Written  *time.Time `json:"state_last_modified"`
}

// Evidence gathers what speaks for or against a living run behind a judged lock. A write
// to its state within the guard counts as recent: an apply writes snapshots at most every
// 20 seconds, but only when a resource changes, and a plan never writes. So the absence of
// a write proves nothing, and a recent one is taken as a sign of life.
func (c Case) Evidence() Evidence {
	e := Evidence{Liveness: Unknown}
	if c.Verdict == Unreadable {
		e.Reasons = append(unreadableReasons(c.Lock), c.witnessReasons()...)
		return e
	}
	if !c.State.Written.IsZero() {
		written := c.State.Written
		e.Written = &written
	}
	same := sameSince(c.Lock, c.Seen)
	switch {
	case c.writtenLately():
		e.Liveness = PossiblyLive // whatever else is known
	case c.ended():
		e.Liveness = RunOver
	case c.inProgress():
		e.Liveness = PossiblyLive
	case c.Verdict == Stuck && !same.IsZero() && c.State.Problem == "":
		e.Liveness = LikelyOrphan
	}
	if c.Run != nil {
		e.Reasons = append(e.Reasons, c.Run.Words(c.At))
	}
	e.Reasons = append(e.Reasons, c.witnessReasons()...)
	e.Reasons = append(e.Reasons, c.ageReason(), c.stateReason(), c.sameReason(same))
	if c.Doubt != "" {
		e.Reasons = append(e.Reasons, c.Doubt)
	}
	e.Reasons = append(e.Reasons, oddities(c.Lock, c.Seen)...)
	return e
}

// witnessReasons is who took the lock, where that is known.
func (c Case) witnessReasons() []string {
	if c.Witness == nil {
		return nil
	}
	return []string{c.Witness.Words()}
}

// writtenLately reports whether the state was written under the lock, and within the guard.
func (c Case) writtenLately() bool {
	return c.State.Written.After(c.Since) && c.At.Sub(c.State.Written) <= c.Guard
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

func (c Case) sameReason(same time.Time) string {
	switch {
	case !same.IsZero():
		return fmt.Sprintf("the same lock in every scan since %s (%s)", Clock(same), Words(c.At.Sub(same)))
	case !c.Seen.FirstSeen.IsZero():
		return "earlier scans saw this lock ID, but what is held now was taken after them: its client may have waited for the lock"
	default:
		return "first seen in this scan: the next one will show more"
	}
}

func (j Judgement) ageReason() string {
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

func (c Case) stateReason() string {
	ago := Words(c.At.Sub(c.State.Written))
	switch {
	case c.State.Problem != "":
		return "whether the state was written since is not known: " + c.State.Problem
	case c.State.Written.IsZero():
		return "no state has been written at this path"
	case !c.State.Written.After(c.Since):
		return fmt.Sprintf("the state was last written %s ago, before the lock was taken", ago)
	case c.writtenLately():
		return fmt.Sprintf("the state was written %s ago, under this lock: the run may be alive", ago)
	default:
		return fmt.Sprintf("the state was written under this lock, but not for %s", ago)
	}
}

// oddities are the shapes of a lock that surprise the person who releases it.
func oddities(l tflock.Lock, seen Sighting) []string {
	var reasons []string
	if lost := l.Lost(seen.Kinds); len(lost) > 0 {
		reasons = append(reasons, fmt.Sprintf("half-lock: its %s half is gone, its %s half is left, and a client's own release would end in an error",
			names(lost), names(l.Kinds())))
	}
	for _, why := range seen.Unknown {
		reasons = append(reasons, "whether its other half is still there is not known: "+why)
	}
	if len(l.Rivals) > 0 {
		reasons = append(reasons, "conflict: the same state is also locked by "+plain.Quoted(clip(strings.Join(l.Rivals, ", ")))+": two runs may believe that they own it")
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
