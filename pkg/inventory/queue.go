package inventory

import (
	"cmp"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// queue has what waits for a worker. The next item is of the top-level prefix with the fewest in
// work, so that many states under one prefix, or huge ones, leave the other prefixes their share
// of the workers.
type queue[T any] struct {
	mu      sync.Mutex
	left    int
	waiting map[string][]T // by prefix, in the order in which they came
	working map[string]int // how many, by prefix
	path    func(T) tflock.Path
	compare func(a, b T) int // which of two prefixes' first items comes first, where as many are in work
}

func newQueue[T any](items []T, path func(T) tflock.Path, compare func(a, b T) int) *queue[T] {
	q := &queue[T]{left: len(items), waiting: map[string][]T{}, working: map[string]int{}, path: path, compare: compare}
	for _, item := range items {
		prefix := path(item).Prefix()
		q.waiting[prefix] = append(q.waiting[prefix], item)
	}
	return q
}

// statesOf is a queue of states, of which the oldest change comes first.
func statesOf(states []*state) *queue[*state] {
	return newQueue(states, func(s *state) tflock.Path { return s.Path }, func(a, b *state) int {
		return cmp.Or(a.Modified.Compare(b.Modified), byPath(a, b))
	})
}

// pathsOf is a queue of paths.
func pathsOf(paths []tflock.Path) *queue[tflock.Path] {
	return newQueue(paths, func(p tflock.Path) tflock.Path { return p }, cmp.Compare[tflock.Path])
}

// next takes an item out of the queue; false: none is left. Whoever works on it says when it is
// done.
func (q *queue[T]) next() (item T, found bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	chosen := ""
	for prefix, items := range q.waiting {
		if !found || q.before(prefix, items[0], chosen) {
			chosen, found = prefix, true
		}
	}
	if !found {
		return item, false
	}
	item, rest := q.waiting[chosen][0], q.waiting[chosen][1:]
	if q.waiting[chosen] = rest; len(rest) == 0 {
		delete(q.waiting, chosen)
	}
	q.working[chosen]++
	q.left--
	return item, true
}

// before reports whether the first item of a prefix comes before that of another one.
func (q *queue[T]) before(prefix string, first T, other string) bool {
	return cmp.Or(cmp.Compare(q.working[prefix], q.working[other]), q.compare(first, q.waiting[other][0])) < 0
}

// each does something with every item, several at once, and returns when all is done.
func (q *queue[T]) each(do func(item T)) {
	var group sync.WaitGroup
	for range min(workers, q.left) {
		group.Go(func() {
			for item, more := q.next(); more; item, more = q.next() {
				do(item)
				q.done(item)
			}
		})
	}
	group.Wait()
}

func (q *queue[T]) done(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if prefix := q.path(item).Prefix(); q.working[prefix] > 1 {
		q.working[prefix]--
	} else {
		delete(q.working, prefix)
	}
}
