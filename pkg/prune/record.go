package prune

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
)

// newRecord makes the record of a state whose lock is about to be taken.
func newRecord(l *statelock.Locker, s policy.Stale, restoring bool) ledger.Pruned {
	if !restoring {
		s.Fate = policy.Pruned
	}
	return ledger.Pruned{At: l.Now().UTC().Truncate(time.Second), Owner: l.Owner, Request: l.Request, Until: l.Deadline.Add(statelock.Skew), Restoring: restoring, State: s}
}
