package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// racer is a real client that works on one state.
type racer struct {
	*party
	kind  local.Client
	dir   string
	key   string
	mode  local.Mode
	clock time.Duration // how far its clock is ahead
	dies  bool          // it is killed again and again
}

// racers are the clients of a race. On each key two contend, one of them with a clock that
// is slow or fast. Terraform 1.5, where it is built, has a key to itself whose rows keep the
// double slash of its name.
func racers(modes []local.Mode) ([]*racer, error) {
	kinds, err := local.Clients()
	if err != nil {
		return nil, err
	}
	wrong := []time.Duration{-2 * time.Hour, 2 * time.Hour}
	var all []*racer
	for i, mode := range modes {
		for j, kind := range kinds {
			all = append(all, &racer{kind: kind, key: fmt.Sprintf("branches/%s/terraform.tfstate", mode), mode: mode, clock: wrong[i%2] * time.Duration((i+j+1)%2)})
		}
		all = append(all, &racer{kind: kinds[i%len(kinds)], key: fmt.Sprintf("killed/%s/terraform.tfstate", mode), mode: mode, clock: wrong[i%2], dies: true})
	}
	for range 2 {
		old, err := local.Terraform15()
		if err != nil {
			break
		}
		all = append(all, &racer{kind: old, key: "branches//old/terraform.tfstate", mode: local.ByTable})
	}
	for i, c := range all {
		c.party = &party{name: fmt.Sprintf("client %d, %s on %s", i, c.kind.Name, c.key)}
	}
	return all, nil
}

// run works until the time is up.
func (c *racer) run(ctx, timeUp context.Context, r *race) {
	w, err := c.workspace(ctx, r)
	if err != nil {
		r.fails("%v", err)
		return
	}
	for goesOn := true; goesOn && timeUp.Err() == nil; {
		if c.dies {
			goesOn = c.holdAndDie(ctx, r, w)
		} else {
			goesOn = c.does(ctx, r, w, "apply", "-auto-approve", "-lock-timeout=60s") && c.does(ctx, r, w, "destroy", "-auto-approve", "-lock-timeout=60s")
		}
	}
}

// workspace is that of a client that names an encryption with all that it writes.
func (c *racer) workspace(ctx context.Context, r *race) (*local.Workspace, error) {
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return nil, err
	}
	through, err := r.enter(c.party, c.clock)
	if err != nil {
		return nil, err
	}
	return through.Workspace(ctx, c.kind, c.dir, r.Bucket, r.Table, c.key, c.mode, "-backend-config=encrypt=true")
}

// does runs a client, again where it gave up over a lock: it does although it has time
// when the lock that it met is gone before it could read whose it was. Whatever else goes
// wrong with a client is our doing.
func (c *racer) does(ctx context.Context, r *race, w *local.Workspace, args ...string) bool {
	for {
		out, err := w.Run(ctx, args...)
		c.ends(r)
		switch {
		case err == nil && !strings.Contains(out, "releasing the state lock"):
			r.note(c.kind.Name, args[0])
			return true
		case err == nil:
			r.fails("%s %s could not unlock:\n%s", c.kind.Name, args[0], out)
			return false
		case !strings.Contains(out, "Error acquiring the state lock") || ctx.Err() != nil:
			r.fails("%s met a broken state: %v", c.kind.Name, err)
			return false
		}
		r.note(c.kind.Name, "refused by a lock")
	}
}

// ends notes that the client's process is no more.
func (c *racer) ends(r *race) (id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.id != "" {
		r.history.ended[c.id] = true
	}
	return c.id
}

// holdAndDie takes a lock, is killed, and works on the state once the lock was released.
func (c *racer) holdAndDie(ctx context.Context, r *race, w *local.Workspace) bool {
	run := c.hold(ctx, r, w)
	if run == nil {
		return false
	}
	if err := run.Kill(); err != nil {
		r.fails("%v", err)
		return false
	}
	id := c.ends(r)
	r.note(c.kind.Name, "killed")
	return c.goes(ctx, r, id) && c.does(ctx, r, w, "plan")
}

// hold has the client take its lock in an apply that takes long. Nil: it failed.
func (c *racer) hold(ctx context.Context, r *race, w *local.Workspace) *local.Run {
	path := string(r.Path(c.key))
	run, err := w.Hold(ctx, local.TenMinutes, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, object := r.history.locks[place{inBucket, path}]
		_, row := r.history.locks[place{inTable, path}]
		return object == (c.mode != local.ByTable) && row == (c.mode != local.ByFile)
	})
	if err != nil {
		r.fails("%v", err)
		return nil
	}
	return run
}

// goes waits until the lock that nobody holds any more is gone.
func (c *racer) goes(ctx context.Context, r *race, id string) bool {
	path := string(r.Path(c.key))
	for deadline := time.Now().Add(3 * time.Minute); r.holds(path, id) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.fails("the lock %s on %s, which nobody holds any more, was not released for minutes", id, path)
			return false
		}
	}
	return true
}

func (r *race) holds(path, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history.holds(path, id)
}
