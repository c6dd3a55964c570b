package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

func (r *race) workspace(ctx context.Context, kind local.Client, dir, key string, mode local.Mode) *local.Workspace {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		r.fails("%v", err)
		return nil
	}
	w, err := r.clients.Workspace(ctx, kind, dir, r.Bucket, r.Table, key, mode)
	if err != nil {
		r.fails("%v", err)
		return nil
	}
	return w
}

// works makes and destroys infrastructure until the time is up. Whatever goes wrong with
// a client is our doing, except that another has the lock.
func (r *race) works(ctx, timeUp context.Context, kind local.Client, dir, key string, mode local.Mode) {
	w := r.workspace(ctx, kind, dir, key, mode)
	for w != nil && timeUp.Err() == nil {
		for _, what := range []string{"apply", "destroy"} {
			if !r.does(ctx, w, kind, what, "-auto-approve", "-lock-timeout=60s") {
				return
			}
		}
	}
}

// does runs a client, again where it gave up over a lock: it does although it has time
// when the lock that it met is gone before it could read whose it was.
func (r *race) does(ctx context.Context, w *local.Workspace, kind local.Client, args ...string) bool {
	for {
		out, err := w.Run(ctx, args...)
		switch {
		case err == nil && !strings.Contains(out, "releasing the state lock"):
			r.note(kind.Name, args[0])
			return true
		case err == nil:
			r.fails("%s %s could not unlock:\n%s", kind.Name, args[0], out)
			return false
		case !strings.Contains(out, "Error acquiring the state lock") || ctx.Err() != nil:
			r.fails("%s met a broken state: %v", kind.Name, err)
			return false
		}
		r.note(kind.Name, "refused by a lock")
	}
}

// dies takes a lock, is killed, and works on the state once the lock was released,
// until the time is up.
func (r *race) dies(ctx, timeUp context.Context, kind local.Client, dir, key string, mode local.Mode) {
	w := r.workspace(ctx, kind, dir, key, mode)
	path := r.Path(key)
	for w != nil && timeUp.Err() == nil {
		run, err := w.Hold(ctx, local.TenMinutes, func() bool {
			r.history.mu.Lock()
			defer r.history.mu.Unlock()
			return (r.history.locks["bucket "+path] != "") == (mode != local.ByTable) && (r.history.locks["table "+path] != "") == (mode != local.ByFile)
		})
		if err != nil {
			r.fails("%v", err)
			return
		}
		if err := run.Kill(); err != nil {
			r.fails("%v", err)
			return
		}
		r.history.mu.Lock()
		id := r.history.holder(path)
		r.history.dead[id] = true
		r.history.mu.Unlock()
		r.note(kind.Name, "killed")
		if !r.releasedOf(ctx, path) {
			r.fails("the lock %s of a dead client on %s was named for minutes, and never released", id, path)
			return
		}
		if !r.does(ctx, w, kind, "plan") {
			return
		}
	}
}

// releasedOf waits until nothing holds a path.
func (r *race) releasedOf(ctx context.Context, path string) bool {
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		r.history.mu.Lock()
		holder := r.history.holder(path)
		r.history.mu.Unlock()
		if holder == "" {
			return true
		}
	}
	return false
}
