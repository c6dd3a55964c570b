package inventory

import (
	"cmp"
	"maps"
	"slices"
)

// room divides something among top-level prefixes (or pairs of them). Each may take what the
// others leave; where there is not enough for all, the largest give way, down to the same
// level. So whoever may write under one prefix takes nothing from the others.
type room struct {
	most   int
	taken  int
	under  map[string]int
	limits map[string]int // what those may have that gave way
}

func newRoom(most int) *room {
	return &room{most: most, under: map[string]int{}, limits: map[string]int{}}
}

// add takes n for a prefix; a negative n gives it back.
func (r *room) add(prefix string, n int) {
	r.taken += n
	if r.under[prefix] += n; r.under[prefix] == 0 {
		delete(r.under, prefix)
	}
}

func (r *room) clone() *room {
	return &room{r.most, r.taken, maps.Clone(r.under), maps.Clone(r.limits)}
}

// full reports whether more was taken than there is.
func (r *room) full() bool { return r.taken > r.most }

// gaveWay reports whether a prefix had to give something back in this run.
func (r *room) gaveWay(prefix string) bool {
	_, gave := r.limits[prefix]
	return gave
}

// refuses reports whether a prefix that gave way wants more than was left to it.
func (r *room) refuses(prefix string, n int) bool {
	limit, gave := r.limits[prefix]
	return gave && r.under[prefix]+n > limit
}

// fits reports whether there is room for n more, or would be once others gave way.
func (r *room) fits(prefix string, n int) bool {
	return r.taken+n <= r.most || r.under[prefix]+n <= r.target()/(len(r.under)+1)
}

// target is what is left once prefixes gave way. It is less than all, so that not every
// addition makes them do so again.
func (r *room) target() int { return r.most - r.most/16 }

// clear returns the prefixes that have to give way, the largest first, and to which level.
func (r *room) clear() (level int, largest []string) {
	sizes := slices.Sorted(maps.Values(r.under))
	left := r.target()
	for n, size := range sizes {
		if level = left / (len(sizes) - n); size > level {
			break
		}
		left -= size
	}
	for prefix, size := range r.under {
		if size > level {
			largest = append(largest, prefix)
			r.limits[prefix] = level
		}
	}
	slices.SortFunc(largest, func(a, b string) int { return cmp.Or(r.under[b]-r.under[a], cmp.Compare(a, b)) })
	return level, largest
}

// over reports whether a prefix has to give more back. Where there are more prefixes than room for
// one thing of each, it is over when there is room again.
func (r *room) over(prefix string, level int) bool {
	return r.under[prefix] > level && r.taken > r.target()
}

// fairList is a list of which each top-level prefix has a share.
type fairList[T any] struct {
	room     *room
	byPrefix map[string][]weighed[T]
	left     map[string]int // how many were left out, by prefix
}

type weighed[T any] struct {
	item   T
	weight int
}

func newFairList[T any](most int) *fairList[T] {
	return &fairList[T]{newRoom(most), map[string][]weighed[T]{}, map[string]int{}}
}

// add adds an item, and leaves out the last ones of the largest prefixes where there is no
// room for all.
func (l *fairList[T]) add(prefix string, item T, weight int) {
	if l.room.refuses(prefix, weight) {
		l.left[prefix]++
		return
	}
	l.byPrefix[prefix] = append(l.byPrefix[prefix], weighed[T]{item, weight})
	if l.room.add(prefix, weight); !l.room.full() {
		return
	}
	level, largest := l.room.clear()
	for _, prefix := range largest {
		items := l.byPrefix[prefix]
		for len(items) > 0 && l.room.over(prefix, level) {
			last := len(items) - 1
			l.room.add(prefix, -items[last].weight)
			items[last] = weighed[T]{}
			items = items[:last]
			l.left[prefix]++
		}
		l.byPrefix[prefix] = items
	}
}

// items returns what is in the list, by prefix.
func (l *fairList[T]) items() []T {
	var all []T
	for _, prefix := range slices.Sorted(maps.Keys(l.byPrefix)) {
		for _, w := range l.byPrefix[prefix] {
			all = append(all, w.item)
		}
	}
	return all
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
