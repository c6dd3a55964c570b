package monitor

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// maxChecks bounds what one scan records of what it found out, since each scan reads all of it in a
	// few seconds before it may release anything.
	maxChecks = 300
	// maxPlans bounds the releases that one scan plans, since each takes two calls to record.
	maxPlans = 100
	// oldCheck is how old it is when it is forgotten without being read, where that took too long.
	oldCheck = 24 * time.Hour
)

// inTurns are the locks of which something is to be decided: where they are more than one scan plans, those of each folder in turn.
func inTurns(asked []*evidence.Question) []*evidence.Question {
	if len(asked) <= maxPlans {
		return asked
	}
	return tflock.InTurns(asked, func(q *evidence.Question) tflock.Path { return q.Case.Path })
}

// recorded is what is recorded of what this scan found out: of locks that have a plan or a stop first, then
// of those that AutoRelease selects, prefix by prefix.
func (p *planner) recorded() map[ledger.Key]ledger.Check {
	if len(p.checks) <= maxChecks {
		return p.checks
	}
	matters := func(key ledger.Key) int {
		switch known := p.known.memory.Locks[key]; {
		case known.Plan != nil || known.Keep != nil || p.stands[key]:
			return 0
		case p.checks[key].Selected:
			return 1
		default:
			return 2
		}
	}
	keys := slices.SortedFunc(maps.Keys(p.checks), ledger.Key.Compare)
	keys = tflock.InTurns(keys, func(key ledger.Key) tflock.Path { return key.Path })
	slices.SortStableFunc(keys, func(a, b ledger.Key) int { return cmp.Compare(matters(a), matters(b)) })
	kept := make(map[ledger.Key]ledger.Check, maxChecks)
	for _, key := range keys[:maxChecks] {
		kept[key] = p.checks[key]
	}
	return kept
}
