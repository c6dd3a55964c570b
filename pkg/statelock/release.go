package statelock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Release returns the lock back: the rows, then the object, as long as every row went. It
// fails with *LeftError.
func (l *Locker) Release(ctx context.Context, h *Held) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReleaseTime)
	defer cancel()
	var errs []error
	for _, holding := range slices.Backward(h.Holdings) {
		if holding.Kind == tflock.S3 && len(errs) > 0 {
			break
		}
		if err := l.remove(ctx, holding); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return &LeftError{Path: h.Path, Raw: string(h.Raw), Err: errors.Join(errs...), Denied: slices.ContainsFunc(errs, backend.Permanent)}
	}
	return nil
}

// remove deletes one holding, and nil says that it is not there any more. When nobody
// knows whether a call had its effect it looks, and tries once more.
func (l *Locker) remove(ctx context.Context, h tflock.Holding) error {
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
	case !found, another(now, h):
		return nil
	}
	return removed(store.Release(ctx, now))
}

// another reports whether what is there now is not the holding that was there. An object that cannot be read
// is known by its ETag: a client may have taken its own by then, under a key of its own.
func another(now, h tflock.Holding) bool {
	if now.Err != nil && now.Kind == tflock.S3 {
		return now.ETag != h.ETag
	}
	return now.Raw != h.Raw
}

// removed takes what is gone, or another one by now, for success.
func removed(err error) error {
	if _, changed := errors.AsType[*backend.ChangedError](err); changed || errors.Is(err, backend.ErrGone) {
		return nil
	}
	return err
}

// clear removes a leftover of ours from wherever it is: rows first, then the object.
func (l *Locker) clear(ctx context.Context, b *backend.Bucket, path tflock.Path, raw string) error {
	for _, at := range slices.Backward(l.Places(b, path)) {
		found, ok, err := at.Store.Find(ctx, at.Name)
		if err == nil && ok && found.Raw == raw {
			err = l.remove(ctx, found)
		}
		if err != nil {
			return &LeftError{Path: path, Raw: raw, Err: err, Denied: backend.Permanent(err)}
		}
	}
	return nil
}

// ClearDead removes the locks of dead invocations of ours from a state. alive says that
// one of ours is working on it. left are the bytes of a lock that its own run knows to have left, or empty.
func (l *Locker) ClearDead(ctx context.Context, b *backend.Bucket, path tflock.Path, left string, log *slog.Logger) (alive bool, err error) {
	for _, at := range l.Places(b, path) {
		h, found, err := at.Store.Find(ctx, at.Name)
		dead := found && (l.Leftover(h) || (left != "" && h.Raw == left))
		alive = alive || (found && isOurs(h) && !dead)
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
