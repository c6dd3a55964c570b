package backend

import "github.com/lockwarden/lockwarden/pkg/tflock"

// A lock has some 500 bytes. Whoever may write one key can make it 400 KB of JSON that takes as
// much CPU as hundreds of locks do. So in one reading of a store only a few of those that are
// larger than any client writes are read, in a bucket after all others. The rest is unreadable,
// with tflock.ErrLarge; who asks for its path and ID gets it all the same.
const (
	largeEach = 100  // under one top-level prefix
	largeAll  = 1000 // in all
)

// large counts those that one reading of a store reads.
type large struct {
	all   int
	under map[string]int // by their top-level prefix
}

// reserve takes room for one more of that path, and reports whether there was some.
func (l *large) reserve(path tflock.Path) bool {
	if l.under == nil {
		l.under = map[string]int{}
	}
	prefix := path.Prefix()
	if l.all == largeAll || l.under[prefix] == largeEach {
		return false
	}
	l.all++
	l.under[prefix]++
	return true
}
