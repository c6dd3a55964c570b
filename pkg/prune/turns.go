package prune

import (
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// After so many stale states of one folder, or so many bytes of them, what is outside of that folder comes
// first, and the rest of the folder after everything else. Whoever may write under one prefix could take the
// time of a run with some hundred states that are as large as prune reads, or with many small ones, and
// what comes after them in the bucket would not be looked at.
const (
	turnStates = 1000
	turnBytes  = 2 * maxRead
	// deepest bounds the folders below a listing's prefix that are told apart, and maxLater
	// those that wait.
	deepest  = 8
	maxLater = 100
)

// lastKey is the last key that can be in a folder: as long as keys can be, of the last characters there are.
// One such character alone would sort before every key that begins with it.
func lastKey(folder string) string {
	const longest = 1024
	for _, last := range []string{"\U0010FFFF", "\uFFFF", "\u07FF", "\x7F"} {
		folder += strings.Repeat(last, max(0, longest-len(folder))/len(last))
	}
	return folder
}

// amount is how much was found.
type amount struct {
	states int
	bytes  int64
}

func (a *amount) add(states int, bytes int64) {
	a.states += states
	a.bytes += bytes
}

// enough says whether others come first now.
func (a *amount) enough() bool { return a.states >= turnStates || a.bytes >= turnBytes }

// folder is what was found in a folder since it was entered.
type folder struct {
	amount

	name  string // with its slash
	first int    // number of the first state
}

// folders are those that a key is in, below that of a listing, the deepest last.
type folders struct {
	root string
	open []folder
	last string // which of them gave way last
}

// find counts a state that a listing shows, of that number.
func (f *folders) find(key string, size int64, number int) {
	for len(f.open) > 0 && !strings.HasPrefix(key, f.open[len(f.open)-1].name) {
		f.open = f.open[:len(f.open)-1]
	}
	for len(f.open) < deepest {
		at := len(f.root)
		if n := len(f.open); n > 0 {
			at = len(f.open[n-1].name)
		}
		next := strings.IndexByte(key[at:], '/')
		if next < 0 {
			break
		}
		f.open = append(f.open, folder{name: key[:at+next+1], first: number})
	}
	for i := range f.open {
		f.open[i].add(1, cost(size))
	}
}

// cost is how many bytes of a state are read.
func cost(size int64) int64 {
	if size > maxRead {
		return 0
	}
	return size
}

// givesWay gives the deepest folder that has had enough, if one has. Where another
// one gave way just before, it is the folder that both are in: one team may write any number of
// folders. What is in it does not count for those that it is in.
func (f *folders) givesWay() (folder, bool) {
	for i := len(f.open) - 1; i >= 0; i-- {
		if !f.open[i].enough() {
			continue
		}
		shared := string(tflock.Folder(tflock.Path(f.last), tflock.Path(f.open[i].name)))
		for i > 0 && len(f.open[i-1].name) >= len(shared) && len(shared) > len(f.root) {
			i--
		}
		gone := f.open[i]
		for outer := range i {
			f.open[outer].add(-gone.states, -gone.bytes)
		}
		f.open, f.last = f.open[:i], gone.name
		return gone, true
	}
	return folder{}, false
}
