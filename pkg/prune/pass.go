package prune

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// maxSeen bounds the states that a pass has seen, and maxRuns its runs. One of more ends, and the next has another order: whoever may write under one prefix could have
	// one go on for ever, in which nobody hears again of what others have abandoned.
	maxSeen = 250_000
	maxRuns = 8
)

// pass is one over all stale states, which may take several runs. What is in a state keeps it until it is written, so that is examined once; one that
// was kept for another cause, such as a lock, is examined in each run, after those of its folder that no run came to.
type pass struct {
	name   string
	run    int
	undone bool // states that were listed by an earlier run, and not by this one, are left

	mu   sync.Mutex
	seen map[uint64]bool // by their numbers; true: it stays until it is written
}

// newPass goes on with the pass of the run before, or begins one of that name.
func newPass(begun ledger.Pass, name string) *pass {
	p := &pass{name: cmp.Or(begun.Name, name), run: begun.Runs + 1, undone: begun.Undone, seen: map[uint64]bool{}}
	for _, seen := range begun.Seen {
		p.seen[seen&^1] = seen&1 == 1
	}
	return p
}

// number identifies a state as it was written then, and is its place in the order of its folder. Nobody can choose it, since nobody knows the pass's name before it begins.
func (p *pass) number(path tflock.Path, written time.Time) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", p.name, path, written.Unix()))
	return binary.BigEndian.Uint64(sum[:]) &^ 1
}

// add notes that a state was examined, and whether it stays until it is written.
func (p *pass) add(number uint64, stays bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[number] = stays
}

// next is what the next run goes on with, without a name where it begins another pass. whole says that this one is over. This run came to that place in the
// listing, and left says that there was no time for all states before it.
func (p *pass) next(place ledger.Place, left bool) (next ledger.Pass, whole bool) {
	atTheEnd := place == ledger.Place{}
	left = left || p.undone
	if atTheEnd && !left {
		return ledger.Pass{}, true
	}
	if len(p.seen) > maxSeen || p.run == maxRuns {
		return ledger.Pass{Place: place, Undone: !atTheEnd}, false // what comes behind that place is listed first, or it never was
	}
	next = ledger.Pass{Name: p.name, Runs: p.run, Place: place, Undone: left && !atTheEnd}
	for number, stays := range p.seen {
		if stays {
			number |= 1
		}
		next.Seen = append(next.Seen, number)
	}
	slices.Sort(next.Seen)
	return next, false
}
