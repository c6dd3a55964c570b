package unlock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	replicaTime  = 10 * time.Second // how long a delete may take to another replica: a second, as a rule
	replicaPause = 500 * time.Millisecond
)

// replicated reports whether a row is the replica, in a global table, of one whose delete was sent.
// DynamoDB holds a condition against the replica that is called, brings writes to the others later, and
// lets the later one win (Amazon DynamoDB Developer Guide, "Global tables: multi-Region eventual
// consistency"): a second delete would remove a lock that somebody took in the first replica in between.
// No client writes one lock into two tables.
func (all halves) replicated(l tflock.Lock, h tflock.Holding) bool {
	return slices.ContainsFunc(l.Holdings, func(first tflock.Holding) bool {
		return first.Raw == h.Raw && backend.MayBeReplicas(first.Store, h.Store) &&
			slices.ContainsFunc(all, func(sent half) bool { return sent.Store == first.Store && sent.Fate != ledger.HalfKept })
	})
}

// replicaLag is how long a row may be in a replica after it went from another one: a region that is ill takes its time.
const replicaLag = time.Hour

// behind returns the stores of the rows that a replica may have only because DynamoDB has not brought there yet what happened in another
// one: another lock is there, or an earlier release of ours removed the same bytes from there.
func (u *Unlocker) behind(l tflock.Lock, others []tflock.Lock, earlier ledger.Release, now time.Time) (stores []string) {
	if !slices.ContainsFunc(l.Holdings, u.hasReplica) {
		return nil
	}
	for _, h := range l.Holdings {
		isReplica := func(store string) bool { return !l.HeldIn(store) && backend.MayBeReplicas(store, h.Store) }
		taken := slices.ContainsFunc(others, func(o tflock.Lock) bool {
			return slices.ContainsFunc(o.Holdings, func(other tflock.Holding) bool { return isReplica(other.Store) })
		})
		removed := now.Sub(earlier.At) < replicaLag && slices.ContainsFunc(earlier.Halves, func(half ledger.Half) bool {
			return isReplica(half.Store) && half.Fate != ledger.HalfKept && half.Fate != ledger.HalfUnwatched
		})
		if taken || removed {
			stores = append(stores, h.Store)
		}
	}
	return stores
}

// hasReplica reports whether a table is watched that may be a replica of a row's.
func (u *Unlocker) hasReplica(h tflock.Holding) bool {
	return slices.ContainsFunc(u.Stores.Tables, func(t *backend.Table) bool { return backend.MayBeReplicas(t.ARN(), h.Store) })
}

// follow waits until a replica loses the row that was removed from another one.
func (u *Unlocker) follow(ctx context.Context, s backend.Store, h tflock.Holding) half {
	result := half{Half: ledger.Half{Store: h.Store, Kind: h.Kind, Fate: ledger.HalfUnknown}}
	wait, cancel := context.WithTimeout(ctx, cmp.Or(u.ReplicaTime, replicaTime))
	defer cancel()
	pause := time.NewTicker(replicaPause)
	defer pause.Stop()
	for wait.Err() == nil {
		if result.Fate, result.now = lookAt(ctx, s, h); result.Fate != ledger.HalfKept {
			break
		}
		select {
		case <-pause.C:
		case <-wait.Done():
		}
	}
	switch result.Fate {
	case ledger.HalfKept:
		result.cause = errors.New("DynamoDB has not brought the delete to the replica " + h.Store + " yet, and a second one there could remove a lock that was taken meanwhile: wait some minutes")
	case ledger.HalfUnknown:
		result.cause = errors.New("the replica " + h.Store + " cannot be read")
	}
	return result
}
