package report

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

const (
	// maxMost is how many states and people a report names.
	maxMost = 5
	// maxPaths bounds the states that a tally counts, of which it keeps hashes, and maxNames the
	// people: whoever can write one key can write as many as they like. One that is not among
	// the first ones has no count at all, so that no count is wrong; the report says so.
	maxPaths = 100_000
	maxNames = 10_000
)

// stuckStates counts the stuck locks of each state, and knows the names of those with the
// most alone: a name may be as long as a key.
type stuckStates struct {
	seed   maphash.Seed
	counts map[uint64]int
	most   []alert.PathCount // the first ones, in order
	full   bool              // there are more states than are counted
}

func newStuckStates() stuckStates {
	return stuckStates{seed: maphash.MakeSeed(), counts: map[uint64]int{}}
}

func (s *stuckStates) add(path string) {
	hash := maphash.String(s.seed, path)
	if _, known := s.counts[hash]; !known && len(s.counts) == maxPaths {
		s.full = true
		return
	}
	s.counts[hash]++
	// Whatever is among the first ones in the end is so too when it is counted last.
	s.most = slices.DeleteFunc(s.most, func(m alert.PathCount) bool { return m.Path == path })
	now := alert.PathCount{Path: path, Count: s.counts[hash]}
	at, _ := slices.BinarySearchFunc(s.most, now, func(a, b alert.PathCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Path, b.Path))
	})
	s.most = slices.Insert(s.most, at, now)
	s.most = s.most[:min(len(s.most), maxMost)]
}

// shown are those with the most stuck locks, as a report names them.
func (s *stuckStates) shown() []alert.PathCount {
	list := []alert.PathCount{}
	for _, m := range s.most {
		list = append(list, alert.PathCount{Path: alert.Clean(m.Path, maxPath), Count: m.Count})
	}
	return list
}

// person is who took a lock: the name that the client wrote, and the holder that its session
// names, which is empty where that is not known.
type person struct{ who, holder string }

// stuckPeople counts the stuck locks of each.
type stuckPeople struct {
	counts map[person]int
	full   bool // there are more people than are counted
}

func newStuckPeople() stuckPeople { return stuckPeople{counts: map[person]int{}} }

func (s *stuckPeople) add(p person) {
	if _, known := s.counts[p]; !known && len(s.counts) == maxNames {
		s.full = true
		return
	}
	s.counts[p]++
}

// most returns those with the most stuck locks. A lock whose session is not known counts for
// the holder of the other locks with the same client's name, where that is one.
func (s *stuckPeople) most() []alert.WhoCount {
	holders := s.holders()
	counts := map[string]int{}
	for p, n := range s.counts {
		counts[cleanName(cmp.Or(p.holder, holders[p.who], p.who))] += n
	}
	list := []alert.WhoCount{}
	for _, who := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) }) {
		list = append(list, alert.WhoCount{Who: who, Count: counts[who]})
	}
	return list[:min(len(list), maxMost)]
}

// holders returns the one holder that is known of a client's name; none of one that several
// have used, and of a client that names nobody.
func (s *stuckPeople) holders() map[string]string {
	holders, several := map[string]string{}, map[string]bool{}
	for p := range s.counts {
		if known := holders[p.who]; p.holder != "" && p.who != "" {
			several[p.who] = several[p.who] || (known != "" && known != p.holder)
			holders[p.who] = p.holder
		}
	}
	maps.DeleteFunc(holders, func(who, _ string) bool { return several[who] })
	return holders
}
