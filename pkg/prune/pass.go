package prune

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxDone bounds the states that a pass has done. One of more ends, and the next has another order.
const maxDone = 250_000

// pass is one over all stale states: each is examined once in it. It takes as many runs as it needs.
type pass struct {
	name   string
	undone bool // states that were listed by an earlier run, and not by this one, are left

	mu   sync.Mutex
	done map[uint64]bool // by their numbers
}

// newPass goes on with the pass of the run before, or begins one of that name.
func newPass(begun ledger.Pass, name string) *pass {
	p := &pass{name: cmp.Or(begun.Name, name), undone: begun.Undone, done: map[uint64]bool{}}
	for _, number := range begun.Done {
		p.done[number] = true
	}
	return p
}

// number identifies a state as it was written then, and is its place in the order of its folder. Nobody can choose it, since nobody knows the pass's name before it begins.
func (p *pass) number(path tflock.Path, written time.Time) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", p.name, path, written.Unix()))
	return binary.BigEndian.Uint64(sum[:])
}

func (p *pass) did(number uint64) bool { return p.done[number] }

func (p *pass) add(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done[number] = true
}

// next is what the next run goes on with: the zero value where it begins another pass. whole says that this one is over. This run came to that place in the
// listing, and left says that there was no time for all states before it.
func (p *pass) next(place ledger.Place, left bool) (next ledger.Pass, whole bool) {
	atTheEnd := place == ledger.Place{}
	left = left || p.undone
	whole = atTheEnd && !left
	if whole || len(p.done) > maxDone {
		return ledger.Pass{}, whole
	}
	return ledger.Pass{Name: p.name, Place: place, Undone: left && !atTheEnd, Done: slices.Sorted(maps.Keys(p.done))}, false
}
