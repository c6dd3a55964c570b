package scan

import (
	"cmp"
	"iter"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// memory is what earlier scans know of a lock. unknown says why a store does not show whether
// it still has a half of the lock; it is empty where it does.
type memory interface {
	Sighting(l tflock.Lock, unknown func(store string) string) policy.Sighting
}

// place is where a lock comes among the judged ones, and what decides it.
type place struct {
	first, nth int32 // the first holding on its path, and which lock of that path it is
	rank       int8
	since      int64 // in microseconds
}

// Judge gives each lock its verdict by what earlier scans know of it, and keeps the first n
// of them in Worst. The others are judged again each time that Locks gives them: that takes
// a microsecond, while 100,000 cases take more memory than a small function has. It looks
// at no state: see Look.
func (s *Scan) Judge(earlier memory, n int) {
	s.memory, s.order, s.Figures = earlier, make([]place, 0, len(s.holdings)), Figures{}
	for first := 0; first < len(s.holdings); {
		locks, next := s.holdings.at(first)
		for nth, l := range locks {
			c := s.judge(l)
			s.Figures.count(c)
			s.order = append(s.order, place{int32(first), int32(nth), int8(Rank(c.Verdict)), c.Since.UnixMicro()}) //nolint:gosec // memory ends long before
		}
		first = next
	}
	slices.SortStableFunc(s.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.since, b.since))
	})
	s.Worst = make([]policy.Case, min(n, len(s.order)))
	for i := range s.Worst {
		s.Worst[i] = s.caseAt(s.order[i])
	}
}

// Len is how many locks were judged.
func (s *Scan) Len() int { return len(s.order) }

// Locks gives every judged lock: stuck ones first, then unreadable ones, then fresh ones,
// and the oldest of each first.
func (s *Scan) Locks() iter.Seq[policy.Case] {
	return func(yield func(policy.Case) bool) {
		for _, c := range s.Worst {
			if !yield(c) {
				return
			}
		}
		for _, p := range s.order[min(len(s.Worst), len(s.order)):] {
			if !yield(s.caseAt(p)) {
				return
			}
		}
	}
}

func (s *Scan) caseAt(p place) policy.Case {
	locks, _ := s.holdings.at(int(p.first))
	return s.judge(locks[p.nth])
}

func (s *Scan) judge(l tflock.Lock) policy.Case {
	c := policy.Case{
		Lock: l, Seen: s.memory.Sighting(l, func(store string) string { return s.Unknown(l.Path, store) }),
		State: policy.State{Problem: notLooked, Unwatched: s.bucketOf(l.Path) == nil},
	}
	c.Judge(s.rules, s.Ended)
	return c
}

// Rank orders verdicts by how much they matter, the most pressing first.
func Rank(v policy.Verdict) int {
	switch v {
	case policy.Stuck:
		return 0
	case policy.Unreadable:
		return 1
	default:
		return 2
	}
}
