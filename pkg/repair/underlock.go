package repair

import (
	"context"
	"errors"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/statelock"
)

// underLock reads again what was judged, records the repair, and writes.
func (w *work) underLock(ctx context.Context, lock *statelock.Held, record *ledger.Repair, wanted []ledger.DigestRow) error {
	now, err := read(ctx, w.stores, w.bucket, w.locks, w.request.Path)
	if err != nil {
		return err
	}
	still, err := w.locks.StillHeld(ctx, w.bucket, lock)
	switch {
	case err != nil:
		return err
	case !still:
		w.end(Locked, "our own lock on it was taken away")
		return nil
	case !now.same(w.seen):
		w.end(Changed, "it was written since it was judged. Look again, and repeat the repair if it is still right")
		return nil
	}
	name, err := w.locks.NewName(ctx, w.request.Path)
	unread, late := errors.AsType[*statelock.UnreadError](err)
	switch {
	case late:
		w.end(Refused, "%v", unread)
		return nil
	case err != nil:
		return err
	case name != "":
		w.end(Locked, "a client has used this state under another name meanwhile, %s, and may hold its lock there. Repeat this once that run is over", plain.Quoted(plain.Line(string(name), 200)))
		return nil
	}
	w.seen = now // with the version that is there
	if err := w.Records.Write(ctx, *record); err != nil {
		return err
	}
	w.begun = true
	err = w.apply(ctx, wanted)
	outcome, why := stopped(err)
	if outcome != "" {
		err = w.putBack(ctx)
	}
	if err != nil {
		return err
	}
	after, err := read(ctx, w.stores, w.bucket, w.locks, w.request.Path)
	if err != nil {
		return err
	}
	w.answer.After = after.facts(w.request.Path)
	record.After, record.Done, record.Stopped = w.answer.After, outcome == "", outcome != ""
	if outcome != "" {
		record.Part = w.stop(outcome, why)
	}
	return nil
}

// stopped says of an error that no later try would change how the repair ends, and why;
// empty for any other, and for none.
func stopped(err error) (Outcome, string) {
	if errors.Is(err, errChanged) {
		return Changed, err.Error()
	}
	if failed, ok := errors.AsType[*backend.Error](err); ok && failed.Refused() {
		return Refused, "AWS refused a write: " + failed.Error()
	}
	return "", ""
}
