package scan

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
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
	lock  int // of the reading
	rank  int
	since time.Time
}

// Judge gives each lock of a reading its verdict. It looks at no state yet.
func (s *Scanner) Judge(r Reading, recalled ledger.Memory) Sight {
	sight := Sight{scanner: s, reading: r, recalled: recalled, order: make([]place, len(r.locks))}
	for i := range r.locks {
		j := sight.judge(i)
		sight.Figures.count(j)
		sight.order[i] = place{i, Rank(j.Verdict), j.Since}
	}
	slices.SortStableFunc(sight.order, func(a, b place) int {
		return cmp.Or(a.rank-b.rank, a.since.Compare(b.since))
	})
	return sight
}

func (s Sight) judge(i int) Judged {
	l := s.reading.locks[i]
	seen := s.recalled.Sighting(l, s.reading.Failed)
	return Judged{
		Lock: l, Judgement: policy.Judge(l, seen, s.scanner.rules.Thresholds, s.reading.Ended), Seen: seen,
		State: policy.State{Problem: notLooked}, Watched: s.scanner.stateOf(l) != nil,
	}
}

// Len is how many locks there are.
func (s Sight) Len() int { return len(s.order) }

// From gives the locks from the n-th on, counted from 0: stuck ones first, then
// unreadable ones, then fresh ones, and the oldest of each first.
func (s Sight) From(n int) iter.Seq[Judged] {
	return func(yield func(Judged) bool) {
		for _, p := range s.order[min(n, len(s.order)):] {
			if !yield(s.judge(p.lock)) {
				return
			}
		}
	}
}

// First gives the first n of them, or as many as there are.
func (s Sight) First(n int) []Judged {
	first := make([]Judged, min(n, len(s.order)))
	for i := range first {
		first[i] = s.judge(s.order[i].lock)
	}
	return first
}
