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

// Judge returns each lock its verdict by what earlier scans know of it, and keeps n of them in
// Worst: the first, or where there are more, a share for each folder. The others are judged again each time that Locks yields them: that takes
// a microsecond, while 100,000 cases would take much of the function's memory. It looks
// at no state: see AddStates.
func (s *Scan) Judge(earlier memory, n int) {
	s.memory, s.order, s.Figures = earlier, make([]place, 0, len(s.holdings)), Figures{}
	for first := 0; first < len(s.holdings); {
		locks, next := s.holdings.at(first)
		for nth, l := range locks {
			c := s.judge(l)
			s.Figures.Count(c)
			s.order = append(s.order, place{int32(first), int32(nth), int8(Rank(c.Verdict)), c.Since.UnixMicro()}) //nolint:gosec // memory ends long before
		}
		first = next
	}
	slices.SortStableFunc(s.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.since, b.since))
	})
	chosen := s.share(n)
	s.Worst, s.inWorst = make([]policy.Case, len(chosen)), make(map[int]int, len(chosen))
	for i, at := range chosen {
		s.Worst[i], s.inWorst[int(at)] = s.caseAt(s.order[at]), i
	}
}

// share chooses n of the ordered locks: all where there are no more. Else those of each folder come
// in turn, and unreadable ones last: whoever may write under one prefix could otherwise take the place
// of everybody else's.
func (s *Scan) share(n int) []int32 {
	chosen := make([]int32, len(s.order))
	for i := range chosen {
		chosen[i] = int32(i) //nolint:gosec // memory ends long before
	}
	if len(chosen) <= n {
		return chosen
	}
	chosen = tflock.InTurns(chosen, func(i int32) tflock.Path { return s.holdings[s.order[i].first].path })
	last := int8(Rank(policy.Unreadable)) //nolint:gosec // one of three
	slices.SortStableFunc(chosen, func(a, b int32) int {
		unreadable := func(i int32) int {
			if s.order[i].rank == last {
				return 1
			}
			return 0
		}
		return cmp.Compare(unreadable(a), unreadable(b))
	})
	return chosen[:n]
}

// Len is how many locks were judged.
func (s *Scan) Len() int { return len(s.order) }

// Locks returns every judged lock: stuck ones first, then unreadable ones, then fresh ones,
// and the oldest of each first.
func (s *Scan) Locks() iter.Seq[policy.Case] {
	return func(yield func(policy.Case) bool) {
		for i := range max(len(s.order), len(s.Worst)) {
			if !yield(s.nth(i)) {
				return
			}
		}
	}
}

// nth returns the lock at a place in the order. A scan that did not judge has Worst alone.
func (s *Scan) nth(i int) policy.Case {
	if len(s.order) == 0 {
		return s.Worst[i]
	}
	if at, looked := s.inWorst[i]; looked {
		return s.Worst[at]
	}
	return s.caseAt(s.order[i])
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
