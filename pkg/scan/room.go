package scan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

const (
	// maxKept is how many holdings a scan keeps, and maxWeight how many bytes they may take: of
	// more, with the ledger's memory of each, a function of 128 MB dies, and then nobody hears of
	// any lock. A client's lock weighs some 400 bytes.
	maxKept   = 100_000
	maxWeight = 48 << 20
	// crowded is what a prefix weighs at least that loses some to make room, where maxKept are kept.
	crowded = 1 << 20
	// share is the part of the holdings that one top-level prefix may have: a half. What the ledger reads
	// and writes of each takes the time of the notifications.
	share = 2
)

// bare is what a holding weighs without its texts.
const bare = 240

// weight is how many bytes a holding takes.
func (p packed) weight() int {
	return bare + len(p.path) + len(p.id) + len(p.who) + len(p.etag) + len(p.operation.Value()) + len(p.version.Value())
}

// room keeps the holdings of a scan. Where they are too many the largest top-level prefix
// loses half of its own, since whoever may write under one prefix must not hide what is under
// others. Where none is large no more are kept.
type room struct {
	most   int // holdings
	kept   holdings
	weight int
	limits map[crowd]int   // what the prefixes may weigh that have lost some
	under  map[crowd]int   // what each prefix weighs; nil until one has lost some
	count  map[crowd]int   // how many each prefix has; nil while none can have too many
	lost   map[string]bool // stores of which not everything was kept, whatever its prefix; nil while there is room
}

// crowd is a top-level prefix in a store.
type crowd struct {
	store  string // ARN
	prefix string // of paths: bucket/first/, or a whole path
}

func crowdOf(p packed) crowd {
	prefix := string(p.path)
	if first, _, more := strings.Cut(p.path.Key(), "/"); more {
		prefix = prefix[:len(p.path.Bucket())+len(first)+2]
	}
	return crowd{p.store, prefix}
}

// add keeps a holding, if there is room for it.
func (r *room) add(p packed) {
	if limit, cut := r.limitOf(p); (cut && r.under[crowdOf(p)]+p.weight() > limit) || r.many(p) {
		return
	}
	if r.full(p) && !r.clear() {
		r.lost[p.store] = true
		return
	}
	r.kept, r.weight = append(r.kept, p), r.weight+p.weight()
	if r.count != nil {
		r.count[crowdOf(p)]++
	}
	if r.under != nil {
		r.under[crowdOf(p)] += p.weight()
	}
}

// many says whether the prefix of a holding has as many as one may have. It is crowded then.
func (r *room) many(p packed) bool {
	most := r.most / share
	if len(r.kept) < most {
		return false
	}
	if r.count == nil {
		r.count = map[crowd]int{}
		for _, other := range r.kept {
			r.count[crowdOf(other)]++
		}
	}
	of := crowdOf(p)
	if r.count[of] < most {
		return false
	}
	r.weigh()
	if _, cut := r.limits[of]; !cut {
		r.limits[of] = r.under[of]
	}
	return true
}

// weigh begins to count what each prefix weighs.
func (r *room) weigh() {
	if r.under != nil {
		return
	}
	r.limits, r.under = map[crowd]int{}, map[crowd]int{}
	for _, p := range r.kept {
		r.under[crowdOf(p)] += p.weight()
	}
}

func (r *room) full(p packed) bool { return len(r.kept) >= r.most || r.weight+p.weight() > maxWeight }

// clear makes room where a prefix has much, and says whether there is some then.
func (r *room) clear() bool {
	if r.lost != nil {
		return false
	}
	r.weigh()
	largest := slices.MaxFunc(slices.Collect(maps.Keys(r.under)), func(a, b crowd) int {
		return cmp.Or(cmp.Compare(r.under[a], r.under[b]), cmp.Compare(a.store, b.store), cmp.Compare(a.prefix, b.prefix))
	})
	if r.under[largest] < crowded*r.most/maxKept {
		r.lost = map[string]bool{}
		return false
	}
	limit, left := r.under[largest]/2, 0
	r.kept = slices.DeleteFunc(r.kept, func(p packed) bool {
		if crowdOf(p) != largest {
			return false
		}
		if left+p.weight() > limit {
			return true
		}
		left += p.weight()
		return false
	})
	r.weight += left - r.under[largest]
	r.count = nil // it is counted again
	r.limits[largest], r.under[largest] = limit, left
	return true
}

// failures adds those of stores of which not everything was kept.
func (r *room) failures(all map[string]Failure) {
	prefixes := map[string][]string{}
	for of := range r.limits {
		prefixes[of.store] = append(prefixes[of.store], of.prefix)
	}
	for store, of := range prefixes {
		failure, failed := all[store]
		if failed && len(failure.Crowded) == 0 {
			continue // nothing of it was read to its end
		}
		slices.Sort(of)
		all[store] = failure.and(store, of)
	}
	for store := range r.lost {
		if failure, failed := all[store]; !failed || len(failure.Crowded) > 0 {
			all[store] = Failure{Problem: store + ": there are more locks in all than one scan can keep, so not all of them were seen"}
		}
	}
}

// limitOf is what the prefix of a holding may weigh, where it has lost some.
func (r *room) limitOf(p packed) (limit int, cut bool) {
	if r.limits == nil { // nearly always
		return 0, false
	}
	limit, cut = r.limits[crowdOf(p)]
	return limit, cut
}

// and is the failure of a store of which some prefixes were too many to be kept, sorted, beside those that were not read.
func (f Failure) and(store string, crowded []string) Failure {
	all := slices.Concat(crowded, f.Crowded)
	slices.Sort(all)
	all = slices.Compact(all)
	if f.Object && len(all) > len(crowded) {
		return Failure{Problem: f.Problem + "; " + backend.Crowd(crowded), Crowded: all}
	}
	return Failure{Problem: store + ": " + backend.Crowd(all), Crowded: all}
}
