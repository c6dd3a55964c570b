package scan

import (
	"cmp"
	"iter"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Sight is the locks of a reading, judged. It keeps their order, and judges each again
// when it is asked for: that takes a microsecond, while 100,000 judgements take more
// memory than a small function has.
type Sight struct {
	Figures Figures

	scanner  *Scanner
	reading  Reading
	recalled ledger.Memory
	order    []place
}

// place is where a lock comes, and what it comes there by.
type place struct {
	first, nth int32 // the first holding on its path, and which lock of that path it is
	rank       int8
	since      int64 // in microseconds
}

// Judge gives each lock of a reading its verdict. It looks at no state yet.
func (s *Scanner) Judge(r Reading, recalled ledger.Memory) Sight {
	sight := Sight{scanner: s, reading: r, recalled: recalled, order: make([]place, 0, len(r.holdings))}
	for first := 0; first < len(r.holdings); {
		locks, next := r.holdings.at(first)
		for nth, l := range locks {
			c := sight.judge(l)
			sight.Figures.count(c)
			sight.order = append(sight.order, place{int32(first), int32(nth), int8(Rank(c.Verdict)), c.Since.UnixMicro()}) //nolint:gosec // memory ends long before
		}
		first = next
	}
	slices.SortStableFunc(sight.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.since, b.since))
	})
	return sight
}

func (s Sight) at(p place) policy.Case {
	locks, _ := s.reading.holdings.at(int(p.first))
	return s.judge(locks[p.nth])
}

func (s Sight) judge(l tflock.Lock) policy.Case {
	c := policy.Case{
		Lock: l, Seen: s.recalled.Sighting(l, s.reading.Failed),
		State: policy.State{Problem: notLooked, Unwatched: s.reading.stateOf(l) == nil},
	}
	c.Judge(s.scanner.rules, s.reading.Ended)
	return c
}

// Len is how many locks there are.
func (s Sight) Len() int { return len(s.order) }

// From gives the locks from the n-th on, counted from 0: stuck ones first, then
// unreadable ones, then fresh ones, and the oldest of each first.
func (s Sight) From(n int) iter.Seq[policy.Case] {
	return func(yield func(policy.Case) bool) {
		for _, p := range s.order[min(n, len(s.order)):] {
			if !yield(s.at(p)) {
				return
			}
		}
	}
}

// First gives the first n of them, or as many as there are.
func (s Sight) First(n int) []policy.Case {
	first := make([]policy.Case, min(n, len(s.order)))
	for i := range first {
		first[i] = s.at(s.order[i])
	}
	return first
}
