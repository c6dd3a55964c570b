package scan

import (
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// maxKept is how many holdings a scan keeps, and maxWeight how many bytes they may take: with
	// more, and the ledger's memory of each, the monitor would run out of its 512 MB, and nobody
	// would be notified of any lock. A client's lock weighs some 400 bytes.
	maxKept   = 100_000
	maxWeight = 48 << 20
	// sharesOfAll is into how many equal parts the holdings are divided: one top-level prefix may
	// have one part. What the ledger reads and writes of each takes the time of the notifications.
	sharesOfAll = 2
	// maxCrowded bounds the top-level prefixes that lose some to make room, where maxKept are kept.
	maxCrowded = 50
)

// bare is what a holding weighs without its texts.
const bare = 240

// weight is how many bytes a holding takes: in the ledger, whose records of all locks each scan has to read in less than a minute, some
// of its characters take six.
func (p packed) weight() int {
	weight := bare
	for _, text := range []string{string(p.path), p.id, p.who, p.etag, p.operation.Value(), p.version.Value()} {
		weight += onRecord(text)
	}
	return weight
}

// onRecord is how many bytes a text takes in JSON.
func onRecord(text string) int {
	const escaped = len(`\u0000`)
	size := len(text)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '<' || c == '>' || c == '&' {
			size += escaped - 1
		} else if c == '"' || c == '\\' {
			size++
		}
	}
	return size
}

// room keeps the holdings of a scan. Where they are too many those of each folder come in turn, and what comes last
// is dropped, since whoever may write under one prefix must not hide what is under others, nor, where teams share
// the first part of their keys (env:/, teams/), what is beside it. Where that would be some of very many
// prefixes, no more are kept.
type room struct {
	most    int // holdings
	kept    holdings
	weight  int
	crowded map[string]*tflock.Crowds // by the ARN of a store, folders of which not everything was kept
	lost    map[string]bool           // stores of which not everything was kept, whatever its prefix; nil while there is room
}

// add keeps a holding, if there is room for it.
func (r *room) add(p packed) {
	if r.full(p) && !r.clear() {
		r.lost[p.store] = true
		return
	}
	r.kept, r.weight = append(r.kept, p), r.weight+p.weight()
}

func (r *room) full(p packed) bool { return len(r.kept) >= r.most || r.weight+p.weight() > maxWeight }

// clear makes room, and reports whether there is some then.
func (r *room) clear() bool {
	if r.lost != nil {
		return false
	}
	r.halve()
	most, weight := r.most/4*3, maxWeight/4*3
	if len(r.kept) <= most && r.weight <= weight {
		return true
	}
	all := make([]int32, len(r.kept))
	for i := range all {
		all[i] = int32(i) //nolint:gosec // memory ends long before
	}
	beyond := r.beyond(all, most, weight)
	prefixes := map[string]bool{}
	for _, i := range beyond {
		prefixes[r.kept[i].path.Prefix()] = true
	}
	if len(prefixes) > maxCrowded {
		r.lost = map[string]bool{}
		return false
	}
	r.drop(beyond)
	return true
}

// halve leaves each top-level prefix its share.
func (r *room) halve() {
	most := r.most / sharesOfAll
	if len(r.kept) <= most {
		return
	}
	under := map[string][]int32{}
	for i, p := range r.kept {
		prefix := p.path.Prefix()
		under[prefix] = append(under[prefix], int32(i)) //nolint:gosec // memory ends long before
	}
	for _, all := range under {
		if len(all) > most {
			r.drop(r.beyond(all, most, maxWeight))
			return // no other one has more than a half
		}
	}
}

// beyond returns those of some holdings that are too many, or weigh too much, where those of each folder come in turn.
func (r *room) beyond(all []int32, most, weight int) []int32 {
	all = tflock.InTurns(all, func(i int32) tflock.Path { return r.kept[i].path })
	for n, i := range all {
		if weight -= r.kept[i].weight(); weight < 0 || n == most {
			return all[n:]
		}
	}
	return nil
}

// drop drops some holdings. Their folders are crowded then.
func (r *room) drop(some []int32) {
	if r.crowded == nil {
		r.crowded = map[string]*tflock.Crowds{}
	}
	slices.Sort(some)
	left := r.kept[:0]
	for i, p := range r.kept {
		if len(some) == 0 || int(some[0]) != i {
			left = append(left, p)
			continue
		}
		some = some[1:]
		r.weight -= p.weight()
		if r.crowded[p.store] == nil {
			r.crowded[p.store] = &tflock.Crowds{}
		}
		r.crowded[p.store].Add(p.path)
	}
	clear(r.kept[len(left):])
	r.kept = left
}

// end leaves each prefix its share, and adds the failures of stores of which not everything was kept.
func (r *room) end(all map[string]Failure) {
	r.halve()
	for store, crowds := range r.crowded {
		failure, failed := all[store]
		if failed && len(failure.Crowded) == 0 {
			continue // nothing of it was read to its end
		}
		all[store] = failure.and(store, crowds.All())
	}
	for store := range r.lost {
		if failure, failed := all[store]; !failed || len(failure.Crowded) > 0 {
			all[store] = Failure{Problem: store + ": there are more locks in all than one scan can keep, so not all of them were seen"}
		}
	}
}

// and is the failure of a store of which some folders had too many to be kept, sorted, beside those that were not read.
func (f Failure) and(store string, folders []tflock.Path) Failure {
	crowded := make([]string, len(folders))
	for i, folder := range folders {
		crowded[i] = string(folder)
	}
	all := slices.Concat(crowded, f.Crowded)
	slices.Sort(all)
	all = slices.Compact(all)
	if f.Object && len(all) > len(crowded) {
		return Failure{Problem: f.Problem + "; " + backend.Crowd(crowded), Crowded: all}
	}
	return Failure{Problem: store + ": " + backend.Crowd(all), Crowded: all}
}
