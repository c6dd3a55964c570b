package inventory

import (
	"context"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// lockState is what is known of the lock of a state.
type lockState int

const (
	isFree        lockState = iota
	isLocked                // or a lock cannot be read, which is a lock
	maybeIsLocked           // a table that cannot be read may have a lock
)

// ofTables ends the text of a finding whose lock is unknown.
const ofTables = " Whether it is locked in a table that could not be read is not known."

// locked reports whether a state is locked now, under any of its names.
func (r *run) locked(ctx context.Context, path tflock.Path) (lockState, error) {
	if r.names.gaveWay(path.Prefix()) { // perhaps under a name that there was no room for
		return isLocked, nil
	}
	state := isFree
	for _, t := range r.stores.Tables {
		switch in, err := r.lockedIn(ctx, t, path); {
		case in == isLocked || err != nil:
			return isLocked, err
		case in == maybeIsLocked:
			state = maybeIsLocked
		}
	}
	if _, found, err := r.stores.BucketOf(path).Find(ctx, path); found || err != nil {
		return isLocked, err
	}
	return state, nil
}

func (r *run) lockedIn(ctx context.Context, t *backend.Table, path tflock.Path) (lockState, error) {
	if r.tablesFailed[t.ARN()] { // it may have the state under other names too
		if _, found, err := r.stillFind(ctx, t, path); err == nil && found {
			return isLocked, nil
		}
		return maybeIsLocked, nil
	}
	for _, name := range slices.Concat([]tflock.Path{path}, r.aliases[path]) {
		if _, found, err := t.Find(ctx, name); found || err != nil {
			return isLocked, err
		}
	}
	return isFree, nil
}

// stillFind looks for a lock in a table that could not be listed, until that fails too.
func (r *run) stillFind(ctx context.Context, t *backend.Table, path tflock.Path) (h tflock.Holding, found bool, err error) {
	if _, silent := r.silent.Load(t.ARN()); silent {
		return h, false, nil
	}
	h, found, err = t.Find(ctx, path)
	if err != nil {
		r.silent.Store(t.ARN(), true)
	}
	return h, found, err
}
