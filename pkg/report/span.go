package report

import "time"

// span is the time from one moment up to, and without, another.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// before is the span of the same length that ends where this one begins.
func (s span) before() span { return span{s.from.Add(s.from.Sub(s.to)), s.from} }

// overlap is how much of the time between two moments is in the span.
func (s span) overlap(from, to time.Time) time.Duration {
	if from.Before(s.from) {
		from = s.from
	}
	if to.After(s.to) {
		to = s.to
	}
	return max(0, to.Sub(from))
}
