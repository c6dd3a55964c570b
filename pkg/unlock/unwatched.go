package unlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// unwatched are the halves of a lock in stores that nobody watches any more: a scan saw them
// there and none saw them go, or an earlier release was to remove them. A release cannot
// remove them, and does not call the lock released as a whole.
func (u *Unlocker) unwatched(ctx context.Context, l tflock.Lock, memory ledger.Memory) halves {
	key := ledger.KeyOf(l)
	stores := memory.Locks[key].Remaining()
	for one, err := range u.Releases.Unfinished(ctx, key.ID) {
		if err != nil { // the monitor finishes the earlier release, and people are notified of that half then
			u.Log.WarnContext(ctx, "earlier releases of the lock are not known", "path", l.Path, "error", err)
		}
		for _, h := range one.Release.Halves {
			if one.Key == key && h.Fate == ledger.HalfUnknown {
				stores = append(stores, h.Store)
			}
		}
	}
	slices.Sort(stores)
	var all halves
	for _, store := range slices.Compact(stores) {
		if l.HeldIn(store) || !u.isUnwatched(store) {
			continue
		}
		all = append(all, half{
			Half:  ledger.Half{Store: store, Kind: kindOf(store), Fate: ledger.HalfUnwatched},
			cause: errors.New(ledger.NotWatched(store) + ", so whether its half is still there is not known"),
		})
	}
	return all
}

// isUnwatched reports whether a store is not watched. One that a pattern covers and that no
// search found does not exist any more, and neither does what it held.
func (u *Unlocker) isUnwatched(store string) bool {
	return u.store(store) == nil && u.unsearched(store) == nil &&
		!slices.ContainsFunc(u.Stores.Patterns(), func(pattern string) bool { return backend.Covers(pattern, store) })
}

// kindOf returns the kind of a store by its ARN.
func kindOf(store string) tflock.Kind {
	if parts := strings.SplitN(store, ":", 4); len(parts) == 4 && parts[2] == "s3" {
		return tflock.S3
	}
	return tflock.DynamoDB
}

// unwatchedSteps says what to do about such halves.
func unwatchedSteps(all halves) []string {
	var steps []string
	for _, h := range all {
		steps = append(steps, fmt.Sprintf("A scan saw a half of this lock in %s, which is not watched any more: watch it again, and repeat.", h.Store))
	}
	return steps
}
