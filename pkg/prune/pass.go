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

const (
	// maxStay bounds the states that a pass remembers, and maxRuns its runs. One of more ends, and another begins: whoever may write under one prefix could have
	// one go on for ever, in which nobody hears again of what others have abandoned.
	maxStay = 250_000
	maxRuns = 8
)

// pass is one over all stale states, which may take several runs. What is in a state keeps it until it is written, so that is examined once in a pass; one that
// was kept for another cause, such as a lock, is examined in each run.
type pass struct {
	name   string
	run    int
	order  uint64 // of this run
	undone bool   // states that were listed by an earlier run, and not by this one, are left

	mu   sync.Mutex
	stay map[uint64]bool // the numbers of those that stay until they are written
}

// newPass goes on with the pass of the run before, or begins one. Nobody can guess what begins at that time.
func newPass(begun ledger.Pass, requestID string, now time.Time) *pass {
	name := fmt.Sprintf("%s/%d", requestID, now.UnixNano())
	p := &pass{name: cmp.Or(begun.Name, name), run: begun.Runs + 1, order: hashOf(name), undone: begun.Undone, stay: map[uint64]bool{}}
	for _, number := range begun.Stay {
		p.stay[number] = true
	}
	return p
}

func hashOf(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// number identifies a state as it was written then.
func (p *pass) number(path tflock.Path, written time.Time) uint64 {
	return hashOf(fmt.Sprintf("%s\x00%s\x00%d", p.name, path, written.Unix()))
}

// place is that of a state in its folder. Each run has another order, or it would begin with the same states each time.
func (p *pass) place(number uint64) uint64 { return number ^ p.order }

// add notes that a state stays until it is written.
func (p *pass) add(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stay[number] = true
}

// next is what the next run goes on with, without a name where it begins another pass. whole says that this one is over. This run came to that place in the
// listing, and left says that there was no time for all states before it.
func (p *pass) next(place ledger.Place, left bool) (next ledger.Pass, whole bool) {
	atTheEnd := place == ledger.Place{}
	left = left || p.undone
	if atTheEnd && !left {
		return ledger.Pass{}, true
	}
	if len(p.stay) > maxStay || p.run == maxRuns {
		return ledger.Pass{Place: place, Undone: !atTheEnd}, false // what comes behind that place is listed first, or it never was
	}
	return ledger.Pass{Name: p.name, Runs: p.run, Place: place, Undone: left && !atTheEnd, Stay: slices.Sorted(maps.Keys(p.stay))}, false
}
