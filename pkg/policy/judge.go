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

// Judgement is a verdict with its grounds. A lock's age is an interval, because nothing
// but S3's clock and the scans says when it was taken: Held is the most that it can be
// and decides when to alert, HeldAtLeast is what is proven and decides whether the lock
// may go.
type Judgement struct {
	Verdict     Verdict
	At          time.Time     // when it was judged
	Guard       time.Duration // the ReleaseGuard that it was judged by
	Threshold   time.Duration
	Since       time.Time     // taken no earlier than this
	Held        time.Duration // at most; never negative
	HeldAtLeast time.Duration // never negative, never more than Held
	Unseen      bool          // it has a row that no scan has seen yet, so nothing proves its age
	Doubt       string        // why Since is not what the lock itself says; empty when it is
}

// ClockTolerance is the difference below which a client's clock counts as right:
// NTP keeps hosts within seconds, and the scan itself takes some.
const ClockTolerance = time.Minute

// Judge decides whether the lock is stuck at the time now, which must be after the lock
// was read, and keeps the answer in the case.
func (c *Case) Judge(rules Rules, now time.Time) {
	j := Judgement{At: now, Guard: rules.ReleaseGuard, Threshold: rules.Thresholds.For(string(c.Path), c.Info.Operation)}
	j.Since, j.Doubt = heldSince(c.Lock, c.Seen, now)
	j.Held = max(0, now.Sub(j.Since))
	switch {
	case !c.Readable():
		j.Verdict = Unreadable
	case j.Held > j.Threshold:
		j.Verdict = Stuck
	default:
		j.Verdict = Fresh
	}
	c.Judgement = j
	c.prove()
}

// prove finds out how long the lock was held at least.
func (c *Case) prove() {
	proven, ok := c.provenSince()
	c.Unseen, c.HeldAtLeast = !ok, 0
	if ok {
		c.HeldAtLeast = min(c.Held, max(0, c.At.Sub(proven)))
	}
}

// heldSince takes the earliest time that is claimed (S3's own, else the client's) and
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
	if gap := since.Sub(claim).Abs(); ok || gap <= ClockTolerance {
		return since, ""
	}
	if claim.After(latest) {
		return since, fmt.Sprintf("the holder's clock is wrong: the lock says %s, which is later than it was first seen, so its age counts from %s", Clock(claim), Clock(since))
	}
	return since, fmt.Sprintf("the holder waited for the lock: it began to ask at %s, but the lock was not there yet at %s, so its age counts from then", Clock(claim), Clock(since))
}

// provenSince is a time at which the lock was certainly held already, in each of its
// holdings, and false where nothing proves one. Created proves nothing: with
// -lock-timeout a client stamps it before it waits, and keeps it.
func (c Case) provenSince() (since time.Time, proven bool) {
	object, hasObject := serverTime(c.Lock)
	for _, h := range c.Holdings {
		known := c.Seen.in(h.Store)
		held := known.First
		switch {
		case !hasObject:
			held = c.takenWithItsObject(known)
		case !h.Modified.IsZero():
			held = later(h.Modified, known.NotBefore)
		case hasObject && !known.NotBefore.After(object):
			// A client takes its object first and its row right after it. No scan
			// read the table without the row in between.
			held = object
		}
		if held.IsZero() {
			return time.Time{}, false
		}
		since = later(since, held)
	}
	return since, !since.IsZero()
}

// takenWithItsObject is since when a row is held whose object is gone: the first scan that
// saw it, or the time at which the object was taken, where no scan read the table without
// the row in between.
func (c Case) takenWithItsObject(known SeenHolding) time.Time {
	if c.Witness == nil || known.NotBefore.After(c.Witness.TakenAt) {
		return known.First
	}
	if !known.First.IsZero() && known.First.Before(c.Witness.TakenAt) {
		return known.First
	}
	return c.Witness.TakenAt
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
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
