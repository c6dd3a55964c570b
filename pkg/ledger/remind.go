package ledger

import "time"

// Rules are the intervals that Compare and CompareStores go by.
type Rules struct {
	RemindEvery time.Duration // from the first notification to the first reminder
	ScanEvery   time.Duration // from one scan to the next
	// Retention is how long an entry outlives the last time that it was seen or renewed.
	Retention time.Duration
}

// longestWait bounds the wait for a reminder, unless RemindEvery is longer.
const longestWait = 24 * time.Hour

// Wait is the time from the n-th notification of something to its next one: RemindEvery
// after the first, then twice the one before, at most a day.
func (r Rules) Wait(n int) time.Duration {
	wait, longest := r.RemindEvery, max(r.RemindEvery, longestWait)
	for ; n > 1; n-- {
		if wait > longest/2 {
			return longest
		}
		wait *= 2
	}
	return wait
}

// Urgency says whether people are to be reminded of something now.
type Urgency int

// The urgencies, with their reasons.
const (
	TooEarly Urgency = iota // less than half of its wait has passed, or people were never notified
	MayJoin                 // past half of its wait: it shares the message of one that is due
	Due                     // its wait is over, or will be before the midpoint to the next scan
)

func (u Urgency) String() string { return [...]string{"too early", "may join", "due"}[u] }

// Urgency reports whether people, who were notified n times and last at that time, are to
// be reminded now. A reminder belongs to the scan nearest to its time, which is
// less than half a scan away from it.
func (r Rules) Urgency(n int, notifiedAt, now time.Time) Urgency {
	if n == 0 {
		return TooEarly
	}
	wait, passed := r.Wait(n), now.Sub(notifiedAt)
	switch {
	case passed >= wait-min(r.ScanEvery, wait)/2:
		return Due
	case passed >= wait/2:
		return MayJoin
	default:
		return TooEarly
	}
}

// reminds reports whether something with this urgency is in the reminder of a scan, where
// due says whether anything is due in it.
func (u Urgency) reminds(due bool) bool { return u == Due || (due && u == MayJoin) }
