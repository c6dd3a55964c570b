package inventory

import (
	"cmp"
	"sync"
)

// queue are the states that wait to be read. The next one is of the top-level prefix with the
// fewest that are being read, so that many states under one prefix, or huge ones, leave the other
// prefixes their share of the workers.
type queue struct {
	mu      sync.Mutex
	left    int
	waiting map[string][]*state // by prefix, in the order in which they came
	reading map[string]int      // states, by prefix
}

func newQueue(states []*state) *queue {
	q := &queue{left: len(states), waiting: map[string][]*state{}, reading: map[string]int{}}
	for _, s := range states {
		prefix := s.Path.Prefix()
		q.waiting[prefix] = append(q.waiting[prefix], s)
	}
	return q
}

// next takes a state out of the queue; nil: none is left. Whoever reads it says when it is done.
func (q *queue) next() *state {
	q.mu.Lock()
	defer q.mu.Unlock()
	chosen, found := "", false
	for prefix, states := range q.waiting {
		if !found || q.before(prefix, states[0], chosen) {
			chosen, found = prefix, true
		}
	}
	if !found {
		return nil
	}
	s, rest := q.waiting[chosen][0], q.waiting[chosen][1:]
	if q.waiting[chosen] = rest; len(rest) == 0 {
		delete(q.waiting, chosen)
	}
	q.reading[chosen]++
	q.left--
	return s
}

// before says whether the first state of a prefix comes before that of another one.
func (q *queue) before(prefix string, first *state, other string) bool {
	than := q.waiting[other][0]
	return cmp.Or(cmp.Compare(q.reading[prefix], q.reading[other]), first.Modified.Compare(than.Modified), cmp.Compare(first.Path, than.Path)) < 0
}

func (q *queue) done(s *state) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if prefix := s.Path.Prefix(); q.reading[prefix] > 1 {
		q.reading[prefix]--
	} else {
		delete(q.reading, prefix)
	}
}
