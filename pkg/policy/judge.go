package policy

import (
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Verdict says what a lock is.
type Verdict string

// The verdicts.
const (
	Fresh      Verdict = "fresh"      // held, not longer than its threshold
	Stuck      Verdict = "stuck"      // held longer than its threshold
	Unreadable Verdict = "unreadable" // no parseable ID: reported, never touched
)

// Sighting is what earlier scans know of a lock. Its zero value is a lock that no
// earlier scan saw.
type Sighting struct {
	FirstSeen time.Time // end of the scan that first saw it; zero: none yet
	// NotBefore is the start of the last complete reading of its store in which it
	// was absent: it cannot have been taken before. Zero where there was none.
	NotBefore time.Time
	Kinds     []tflock.Kind // every kind of holding that it was seen with
}

// Judgement is a verdict with its grounds.
type Judgement struct {
	Verdict   Verdict
	Threshold time.Duration
	Since     time.Time     // held since, proof against wrong client clocks
	Held      time.Duration // never negative
	Doubt     string        // why Since is not what the lock itself says; empty when it is
}

// clockTolerance is the difference below which a client's clock counts as right:
// NTP keeps hosts within seconds, and the scan itself takes some.
const clockTolerance = time.Minute

// Judge says whether a lock is stuck at the time now, which must be after the lock
// was read.
func Judge(l tflock.Lock, seen Sighting, thresholds Thresholds, now time.Time) Judgement {
	j := Judgement{Threshold: thresholds.For(l.Path, l.Info.Operation)}
	j.Since, j.Doubt = heldSince(l, seen, now)
	j.Held = max(0, now.Sub(j.Since))
	switch {
	case !l.Readable():
		j.Verdict = Unreadable
	case j.Held > j.Threshold:
		j.Verdict = Stuck
	default:
		j.Verdict = Fresh
	}
	return j
}

// heldSince takes the best claim there is (S3's own clock, else the client's) and
// clamps it between two facts: a lock absent from a complete reading is not
// older than that reading, and one seen in a scan is not younger than that scan.
func heldSince(l tflock.Lock, seen Sighting, now time.Time) (since time.Time, doubt string) {
	latest := now
	if !seen.FirstSeen.IsZero() && seen.FirstSeen.Before(now) {
		latest = seen.FirstSeen
	}
	claim, ok := serverTime(l)
	if !ok {
		if !l.Info.CreatedUsable() {
			return latest, "the lock does not say when it was taken: its age counts from when it was first seen, " + Clock(latest)
		}
		claim = l.Info.Created
	}
	since = claim
	if since.Before(seen.NotBefore) {
		since = seen.NotBefore
	}
	if since.After(latest) {
		since = latest
	}
	if gap := since.Sub(claim).Abs(); !ok && gap > clockTolerance {
		doubt = fmt.Sprintf("the holder's clock is wrong: the lock says %s, but scans place it %s: its age counts from there",
			Clock(claim), place(claim, since, latest))
	}
	return since, doubt
}

func place(claim, since, latest time.Time) string {
	if claim.After(latest) {
		return "no later than " + Clock(since)
	}
	return "no earlier than " + Clock(since)
}

// serverTime is when S3 stored the lock: its own clock, so better than Created.
func serverTime(l tflock.Lock) (time.Time, bool) {
	var earliest time.Time
	for _, h := range l.Holdings {
		if !h.Modified.IsZero() && (earliest.IsZero() || h.Modified.Before(earliest)) {
			earliest = h.Modified
		}
	}
	return earliest, !earliest.IsZero()
}
