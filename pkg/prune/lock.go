package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// patience bounds how long a release is tried, even when the run was cancelled.
const patience = 20 * time.Second

// locker takes the locks of states as a client would, in every place where a client
// could look for one: nothing pairs a bucket with a table.
type locker struct {
	stores  backend.Set
	aliases map[string][]string // other names of a state in the tables, by its path
	note    note
	owner   string // unique to this run, where a request's ID may be another's too
	now     func() time.Time
}

// aliasesOf gives the other names that the tables have for states.
func aliasesOf(ctx context.Context, tables []*backend.Table) (map[string][]string, error) {
	all := map[string][]string{}
	for _, t := range tables {
		found, err := t.Aliases(ctx)
		if err != nil {
			return nil, err
		}
		for path, names := range found {
			for _, name := range names {
				if !slices.Contains(all[path], name) {
					all[path] = append(all[path], name)
				}
			}
		}
	}
	return all, nil
}

// names are the names under which a table can have rows of a state.
func (l *locker) names(path string) []string {
	return append([]string{path}, l.aliases[path]...)
}

// place is where a state can be locked: an object in its bucket, or a row.
type place struct {
	store backend.Store
	name  string
}

// places are all of a state's, in the order in which Terraform takes them.
func (l *locker) places(b *backend.Bucket, path string) []place {
	all := []place{{b, path}}
	for _, t := range l.stores.Tables {
		for _, name := range l.names(path) {
			all = append(all, place{t, name})
		}
	}
	return all
}

// held is the lock of a state while we have it.
type held struct {
	path     string
	raw      []byte
	holdings []tflock.Holding // in the order in which they were taken
}

// busyError says why a lock could not be taken; nothing of ours is there then.
type busyError struct {
	why     string
	refused error // AWS refused it; nil: somebody else has it
}

func (e *busyError) Error() string { return e.why }

// leftError says that a lock of ours is left, or may be.
type leftError struct {
	path string
	raw  string // the lock's bytes
	err  error
}

func (e *leftError) Error() string {
	return fmt.Sprintf("Lockwarden's own lock on %s could not be released, and the next run tries again: %v", e.path, e.err)
}

func (e *leftError) Unwrap() error { return e.err }

// acquire takes the lock of a state: S3 first, then DynamoDB, as Terraform does. Our
// own leftovers are cleared on the way. It fails with *busyError, with any other error when
// it is not known why, and with *leftError beside either where something of ours may be left.
func (l *locker) acquire(ctx context.Context, b *backend.Bucket, path, operation string, like backend.Encryption) (*held, error) {
	raw, err := l.sign(path, operation)
	if err != nil {
		return nil, err
	}
	h := &held{path: path, raw: raw}
	for _, at := range l.places(b, path) {
		holding, err := at.take(ctx, raw, like)
		if other, isHeld := errors.AsType[*backend.HeldError](err); isHeld && other.By != nil && l.leftover(*other.By) {
			if err := l.clear(ctx, b, path, other.By.Raw); err != nil {
				return nil, errors.Join(err, l.release(ctx, h))
			}
			holding, err = at.take(ctx, raw, like)
		}
		if err == nil {
			h.holdings = append(h.holdings, holding)
			continue
		}
		other, isHeld := errors.AsType[*backend.HeldError](err)
		failed, isFailure := errors.AsType[*backend.Error](err)
		switch {
		case isHeld:
			err = &busyError{why: holder(other.By)}
		case isFailure && failed.Refused():
			err = &busyError{why: "its lock could not be taken: " + failed.Error(), refused: err}
		default:
			err = errors.Join(err, l.mayHold(ctx, at, h))
		}
		return nil, errors.Join(err, l.release(ctx, h))
	}
	return h, nil
}

func (at place) take(ctx context.Context, raw []byte, like backend.Encryption) (tflock.Holding, error) {
	if b, isBucket := at.store.(*backend.Bucket); isBucket {
		return b.AcquireLike(ctx, at.name, raw, like)
	}
	return at.store.Acquire(ctx, at.name, raw)
}

// mayHold adds what a failed acquire may have left, since its answer may have been lost.
func (l *locker) mayHold(ctx context.Context, at place, h *held) error {
	if _, isTable := at.store.(*backend.Table); isTable { // its release needs nothing but the bytes
		h.holdings = append(h.holdings, tflock.Holding{Kind: tflock.DynamoDB, Store: at.store.ARN(), Path: at.name, Raw: string(h.raw)})
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	found, ok, err := at.store.Find(ctx, at.name)
	if err != nil {
		return &leftError{h.path, string(h.raw), err}
	}
	if ok && found.Raw == string(h.raw) {
		h.holdings = append(h.holdings, found)
	}
	return nil
}

// release gives the lock back: the rows, then the object, as long as every row went. It
// fails with *leftError.
func (l *locker) release(ctx context.Context, h *held) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var errs []error
	for _, holding := range slices.Backward(h.holdings) {
		if holding.Kind == tflock.S3 && len(errs) > 0 {
			break
		}
		if err := l.remove(ctx, holding); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return &leftError{h.path, string(h.raw), errors.Join(errs...)}
	}
	return nil
}

// remove deletes one holding, and nil says that it is not there any more. When nobody
// knows whether a call had its effect it looks, and tries once more.
func (l *locker) remove(ctx context.Context, h tflock.Holding) error {
	i := slices.IndexFunc(l.stores.All(), func(s backend.Store) bool { return s.ARN() == h.Store })
	if i < 0 {
		return fmt.Errorf("%s is not watched any more", h.Store)
	}
	store := l.stores.All()[i]
	err := removed(store.Release(ctx, h))
	if failed, ok := errors.AsType[*backend.Error](err); err == nil || (ok && failed.Refused()) {
		return err
	}
	now, found, lookErr := store.Find(ctx, h.Path)
	switch {
	case lookErr != nil:
		return errors.Join(err, lookErr)
	case !found, now.Err == nil && now.Raw != h.Raw:
		return nil
	}
	return removed(store.Release(ctx, now))
}

// removed takes what is gone, or another one by now, for success.
func removed(err error) error {
	if _, changed := errors.AsType[*backend.ChangedError](err); changed || errors.Is(err, backend.ErrGone) {
		return nil
	}
	return err
}

// clear removes a leftover of ours from wherever it is: rows first, then the object.
func (l *locker) clear(ctx context.Context, b *backend.Bucket, path, raw string) error {
	for _, at := range slices.Backward(l.places(b, path)) {
		found, ok, err := at.store.Find(ctx, at.name)
		if err == nil && ok && found.Raw == raw {
			err = l.remove(ctx, found)
		}
		if err != nil {
			return &leftError{path, raw, err}
		}
	}
	return nil
}

// clearDead removes the locks of dead invocations of ours from a state. alive says that
// one of ours is at work on it. left are the bytes of a lock that its own run knows to have left, or empty.
func (l *locker) clearDead(ctx context.Context, b *backend.Bucket, path, left string, log *slog.Logger) (alive bool, err error) {
	for _, at := range l.places(b, path) {
		h, found, err := at.store.Find(ctx, at.name)
		dead := found && (l.leftover(h) || (left != "" && h.Raw == left))
		alive = alive || (found && h.Info.Who == who && !dead)
		if err == nil && dead {
			log.InfoContext(ctx, "clearing a lock that a run of ours left behind", "path", path, "lock_id", h.Info.ID, "info", h.Info.Info)
			err = l.clear(ctx, b, path, h.Raw)
		}
		if err != nil {
			return alive, err
		}
	}
	return alive, nil
}

// stillHeld says whether the lock is still there: a client may have force-unlocked it, or
// a second delivery of the same event taken it for a leftover.
func (l *locker) stillHeld(ctx context.Context, b *backend.Bucket, h *held) (bool, error) {
	now, found, err := b.Find(ctx, h.path)
	return found && now.Raw == string(h.raw), err
}

// heldBy says who holds a lock on a state, or nothing. Leftovers of ours do not count.
func (l *locker) heldBy(ctx context.Context, b *backend.Bucket, path string) (string, error) {
	for _, at := range l.places(b, path) {
		h, found, err := at.store.Find(ctx, at.name)
		if err != nil {
			return "", err
		}
		if found && !l.leftover(h) {
			return holder(&h), nil
		}
	}
	return "", nil
}

// holder says in words who has a lock.
func holder(h *tflock.Holding) string {
	switch {
	case h == nil:
		return "it was locked a moment ago"
	case h.Err != nil:
		return "it is locked by something unreadable: " + h.Err.Error()
	}
	return fmt.Sprintf("%.100s holds a lock on it (%.60s, ID %.60s)", h.Info.Who, h.Info.Operation, h.Info.ID)
}
