package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// lockers are the functions that take a state's lock themselves, and lockedByUs the states.
var (
	lockers    = []string{"prune", "restore", "accept", "roll back", "delete digest"}
	lockedByUs = []string{empty, restored, mismatched, rolledBack, orphaned}
)

// halfOf puts one half of a lock on each state that a function would lock: its object, or its row.
func halfOf(lock func(w *world, i int, key string) tflock.Info, object bool) func(ctx context.Context, w *world) error {
	return func(ctx context.Context, w *world) error {
		set, err := w.open(w.aws.Config())
		if err != nil {
			return err
		}
		var store backend.Store = set.Tables[0]
		if object {
			store = set.Buckets[0]
		}
		for i, key := range lockedByUs {
			raw, err := lock(w, i, key).Marshal()
			if err == nil {
				_, err = store.Acquire(ctx, w.Path(key), raw)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// theirs is a client's lock.
func theirs(w *world, i int, key string) tflock.Info {
	return clientLock(fmt.Sprintf("%08d-2222-3333-4444-555555555555", i), key, w)
}

// deadRuns is a lock of a prune that is past its deadline for long. Whichever function comes next clears it.
func deadRuns(w *world, i int, key string) tflock.Info {
	info := theirs(w, i, key)
	note, _ := json.Marshal(map[string]any{"request_id": "dead", "deadline": w.made.Add(-time.Hour).UTC()}) // it always marshals
	info.Who, info.Operation, info.Info = "lockwarden-prune@lambda", string(statelock.Prune), string(note)
	return info
}

// held is what is expected where a client has half a lock: nothing is touched.
func held(outcome string, notifies ...string) map[scene]expected {
	e := expected{outcome, notifies, (*world).keptUnderLocks}
	return map[scene]expected{theirRow: e, theirObject: e}
}

// keptUnderLocks: no state and no digest changes that a client has locked, be it with half a lock.
func (w *world) keptUnderLocks(c contents) (l violations) {
	for _, at := range w.lockedByOthers() {
		l = l.and(c.newest[at] != w.first.newest[at] || c.deleted[at] != w.first.deleted[at], "state changed under the lock of another: "+at).
			and(c.digests[w.Table+" "+at] != w.first.digests[w.Table+" "+at], "digest changed under the lock of another: "+at)
	}
	return l
}

// lockedByOthers are the states that a client had locked at first.
func (w *world) lockedByOthers() (keys []string) {
	for _, key := range lockedByUs {
		for _, at := range []string{inBucket + " " + key, w.Table + " " + key} {
			if raw, locked := w.first.locks[at]; locked && !isOwn(raw) {
				keys = append(keys, key)
			}
		}
	}
	return slices.Compact(keys)
}
