package prune

import (
	"strings"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// After so many stale states of one folder, or so many bytes of them, what is outside of that folder comes
// first, and the rest of the folder after everything else. Whoever may write under one prefix could take the
// time of a run with some hundred states that are as large as prune reads, or with many small ones, and
// what comes after them in the bucket would not be looked at. It has to end within a run, however long each state takes.
var turn = tflock.Amount{Items: perBatch, Cost: 2 * maxRead}

// The first turn of a folder is short: until locks of ours were released they are taken one after the other (see gate), and whoever may write
// under one prefix can make each attempt take many seconds, and can have five turns with folders within each other. All of them are to take no more than half of a run.
var firstTurn = tflock.Amount{Items: 5, Cost: turn.Cost}

// shares is into how many turns the records of a run are divided: one prefix may have several before what comes after it in the bucket.
const shares = 32

// maxLater bounds the folders that wait. What is beyond them does not give way, so that one team of more than so many could take each run.
const maxLater = 1000

// lastKey is the last key that can be in a folder: as long as keys can be, of the last characters there are.
// One such character alone would sort before every key that begins with it.
func lastKey(folder string) string {
	const longest = 1024
	for _, last := range []string{"\U0010FFFF", "\uFFFD", "\u07FF", "\x7F"} {
		folder += strings.Repeat(last, max(0, longest-len(folder))/len(last))
	}
	return folder
}

// cost is how many bytes of a state are read.
func cost(size int64) int64 {
	if size > maxRead {
		return 0
	}
	return size
}

// recordCost is what the record of a state takes of a folder: a run stops with as many as it can mark, and the next one goes on there.
func (t *tally) recordCost(path tflock.Path) int64 {
	size := ledger.Pruned{State: policy.Stale{Path: path}}.Size()
	return turn.Cost * int64(size) / int64(max(1, t.most/shares))
}
