package repair

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// errChanged says that what was read under the lock is not there any more: a client
// writes without a lock.
var errChanged = errors.New("it was written while its locks were held, so by a client that does not lock")

// apply writes, each time on condition of what was read under the lock. wanted are the
// digests that there were before an invocation that died.
func (w *work) apply(ctx context.Context, wanted []ledger.DigestRow) error {
	switch w.request.Action {
	case policy.AcceptState:
		return w.acceptState(ctx)
	case policy.DeleteDigest:
		return w.deleteDigests(ctx, "")
	case policy.RestoreVersion:
		return w.restoreVersion(ctx, wanted)
	}
	return fmt.Errorf("%q is not an action", w.request.Action)
}

func (w *work) acceptState(ctx context.Context) error {
	for _, row := range w.seen.rows {
		if row.Value == w.seen.md5 {
			continue
		}
		if err := w.table(row.Table).ReplaceDigest(ctx, row.Name, row.Value, w.seen.md5); err != nil {
			return changed(err)
		}
	}
	return nil
}

// deleteDigests deletes every digest but those of that value.
func (w *work) deleteDigests(ctx context.Context, except string) error {
	for _, row := range w.seen.rows {
		if row.Value == except {
			continue
		}
		if err := w.table(row.Table).DeleteDigest(ctx, row.Name, row.Value); err != nil && !errors.Is(err, backend.ErrGone) {
			return changed(err)
		}
	}
	return nil
}

// restoreVersion keeps the state readable at every point: without a digest clients only
// warn, with a wrong one they stop.
func (w *work) restoreVersion(ctx context.Context, wanted []ledger.DigestRow) error {
	if err := w.deleteDigests(ctx, w.target.md5); err != nil {
		return err
	}
	if err := w.writeState(ctx); err != nil {
		return err
	}
	for _, row := range merged(w.seen.rows, wanted) {
		t := w.table(row.Table)
		if t == nil { // it was watched when the dead invocation began
			continue
		}
		if err := t.RestoreDigest(ctx, row.Name, w.target.md5); err != nil {
			return err
		}
	}
	return w.stillRestored(ctx)
}

// stillRestored looks what a client has written meanwhile that our locks do not exclude. Where
// it is the state, our digest goes, for nobody could read that state. Where it is the
// digest of a state that we replaced, it becomes that of our state.
func (w *work) stillRestored(ctx context.Context) error {
	now, err := read(ctx, w.stores, w.bucket, w.locks, w.request.Path)
	if err != nil {
		return err
	}
	restored := now.md5 == w.target.md5
	for _, row := range now.rows {
		switch t := w.table(row.Table); {
		case restored && row.Value != w.target.md5:
			err = t.ReplaceDigest(ctx, row.Name, row.Value, w.target.md5)
		case !restored && row.Value == w.target.md5:
			err = t.DeleteDigest(ctx, row.Name, row.Value)
		}
		if err != nil && !errors.Is(changed(err), errChanged) {
			return err
		}
	}
	if !restored {
		return errChanged
	}
	return nil
}

func (w *work) writeState(ctx context.Context) error {
	path := w.request.Path
	if !w.seen.exists {
		_, err := w.bucket.WriteState(ctx, path, w.target.content, w.target.encryption)
		if errors.Is(err, backend.ErrExists) {
			return errChanged
		}
		return err
	}
	if w.seen.md5 == w.target.md5 {
		return nil
	}
	_, err := w.bucket.ReplaceState(ctx, path, w.target.content, w.seen.etag, w.seen.encryption)
	return changed(err)
}

// putBack writes the digests back that were deleted, after a write that did not happen: a
// client wrote in between, or AWS refused it. A digest goes back where the state is the one that
// it was beside, whether it is right or wrong, and where it is that of the state that is
// there now. Beside another state it would stop every client, and stays away.
func (w *work) putBack(ctx context.Context) error {
	now, err := read(ctx, w.stores, w.bucket, w.locks, w.request.Path)
	if err != nil {
		return err
	}
	untouched := now.exists == w.seen.exists && now.etag == w.seen.etag && now.md5 == w.seen.md5
	for _, row := range merged(now.rows, w.seen.rows)[len(now.rows):] {
		if untouched || row.Value == now.md5 {
			err = errors.Join(err, w.table(row.Table).RestoreDigest(ctx, row.Name, row.Value))
		}
	}
	return err
}

// changed tells a condition that failed from any other failure.
func changed(err error) error {
	if _, other := errors.AsType[*backend.ChangedError](err); other || errors.Is(err, backend.ErrGone) {
		return errChanged
	}
	return err
}

// merged are the rows of both, each once.
func merged(rows, more []ledger.DigestRow) []ledger.DigestRow {
	type place struct {
		table string
		name  tflock.Path
	}
	seen := map[place]bool{}
	var all []ledger.DigestRow
	for _, row := range append(append([]ledger.DigestRow{}, rows...), more...) {
		if at := (place{row.Table, row.Name}); !seen[at] {
			seen[at] = true
			all = append(all, row)
		}
	}
	return all
}

// table finds a watched table; nil if there is none of that ARN.
func (w *work) table(arn string) *backend.Table {
	for _, t := range w.stores.Tables {
		if t.ARN() == arn {
			return t
		}
	}
	return nil
}
