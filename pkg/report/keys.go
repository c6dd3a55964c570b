package report

import (
	"hash/maphash"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// keys are those of the locks that are held. A million of them take some 20 MB, since only
// their hashes are kept: two with the same one are rarer than any failure of the machine.
type keys struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newKeys() keys { return keys{maphash.MakeSeed(), map[uint64]struct{}{}} }

func (k keys) add(key ledger.Key) { k.hashes[maphash.Comparable(k.seed, key)] = struct{}{} }

func (k keys) has(key ledger.Key) bool {
	_, held := k.hashes[maphash.Comparable(k.seed, key)]
	return held
}
