package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Gap is a time in which no scan read a store: from the start of the last scan that did, to
// the start of the next one.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

const (
	// missedScans that follow each other are a gap, as they are for the dead man's switch.
	missedScans = 3
	// shortestGap bounds how many gaps there are, however often a scan is due.
	shortestGap = time.Hour
	// maxGaps bounds those of one store on record. The longest ones count most.
	maxGaps = 50
)

// Unread returns the gap that is open at that time, and false where the store was read
// recently. A store that was never read has one since its first failure.
func (s Store) Unread(now time.Time, scanEvery time.Duration) (Gap, bool) {
	from := s.LastRead
	if from.IsZero() {
		from = s.FailingSince
	}
	return Gap{from, now}, !from.IsZero() && now.Sub(from) > max(shortestGap, missedScans*scanEvery)
}

// gaps are those on record after a scan that read the store.
func (s Store) gaps(read time.Time, rules Rules) []Gap {
	all := slices.DeleteFunc(slices.Clone(s.Gaps), func(g Gap) bool { return read.Sub(g.To) > KeepPast })
	if gap, open := s.Unread(read, rules.ScanEvery); open {
		all = append(all, gap)
	}
	if len(all) > maxGaps {
		shortest := slices.MinFunc(all, func(a, b Gap) int { return cmp.Compare(a.To.Sub(a.From), b.To.Sub(b.From)) })
		all = slices.DeleteFunc(all, func(g Gap) bool { return g == shortest })
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
