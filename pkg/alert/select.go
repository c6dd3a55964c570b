package alert

import (
	"slices"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// prefixesListed is how many top-level prefixes are sure of a place in the list of a
	// shared message; the others are counted.
	prefixesListed = 20
	// prefixesCounted bounds the memory for counts: whoever can write to a table can invent
	// any number of prefixes.
	prefixesCounted = 1000
)

// Prefix is how many locks of a shared message are on states of one top-level prefix.
type Prefix struct {
	Prefix string `json:"prefix"` // bucket/first part of the key; the bucket alone for a key without "/"
	Locks  int    `json:"locks"`
}

// PrefixOf returns the top-level prefix of a state's path.
func PrefixOf(path string) string { return tflock.Path(path).Prefix() }

// Selection picks, of any number of locks, the ones that a shared message lists: the
// first of each top-level prefix, for up to 20 prefixes, and then the first of all, or where
// there are more than 20 the others of each folder in turn: teams may share the first part of
// their keys (env:/, teams/). So no flood of locks under one prefix hides a lock under another
// one. It counts the rest. Its memory is bounded by the limit, whatever is added.
type Selection[T any] struct {
	limit    int
	total    int
	leading  []T // the first of each prefix
	others   []listing[T]
	prefixes []Prefix
	places   map[string]int // of a prefix in prefixes
}

// listing is an item with the path that it is listed under.
type listing[T any] struct {
	path tflock.Path
	item T
}

// NewSelection keeps at most limit items, which must be at least 20.
func NewSelection[T any](limit int) *Selection[T] {
	return &Selection[T]{limit: max(limit, prefixesListed), places: map[string]int{}}
}

// Add takes the next lock: the more urgent ones come first.
func (s *Selection[T]) Add(path string, item T) {
	s.total++
	prefix := PrefixOf(path)
	place, known := s.places[prefix]
	switch {
	case known:
		s.prefixes[place].Locks++
	case len(s.prefixes) < prefixesCounted:
		s.places[prefix] = len(s.prefixes)
		s.prefixes = append(s.prefixes, Prefix{prefix, 1})
		if len(s.leading) < prefixesListed {
			s.leading = append(s.leading, item)
			return
		}
	}
	if s.others = append(s.others, listing[T]{tflock.Path(path), item}); len(s.others) >= 2*s.limit {
		s.others = s.picked()
	}
}

// picked are those of the others that there is room for, in the order in which they are listed.
func (s *Selection[T]) picked() []listing[T] {
	room := s.limit - len(s.leading)
	if len(s.leading)+len(s.others) <= prefixesListed {
		return s.others[:min(len(s.others), room)]
	}
	order := make([]int, len(s.others)) // turns of numbers, since a deep path takes a copy for each of its folders
	for i := range order {
		order[i] = i
	}
	order = tflock.InTurns(order, func(i int) tflock.Path { return s.others[i].path })
	picked := make([]listing[T], min(len(order), room))
	for i := range picked {
		picked[i] = s.others[order[i]]
	}
	return picked
}

// Items returns the picked ones: the first of each prefix, then the others, each in the
// order in which they were added, or in turns. Whoever has room for fewer takes the first ones.
func (s *Selection[T]) Items() []T {
	items := slices.Clone(s.leading)
	for _, l := range s.picked() {
		items = append(items, l.item)
	}
	return items
}

// Omitted is how many locks were added and not picked.
func (s *Selection[T]) Omitted() int { return s.total - len(s.leading) - len(s.picked()) }

// Prefixes counts the locks of each prefix, in the order of their first locks. Locks of
// prefixes beyond a thousand are in none of the counts.
func (s *Selection[T]) Prefixes() []Prefix { return s.prefixes }
