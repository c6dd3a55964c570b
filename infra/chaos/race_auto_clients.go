package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// works is in one run after another until the time is up.
func (r *autoRace) works(ctx, timeUp context.Context, c *racer) {
	c.session = "setup"
	w, err := c.workspace(ctx, r.race)
	if err != nil {
		r.fails("%v", err)
		return
	}
	for goesOn := true; goesOn && timeUp.Err() == nil; {
		run := strconv.FormatInt(r.runs.Add(1), 10)
		r.begins(c, run)
		switch rand.IntN(4) { //nolint:gosec // any will do
		case 0:
			goesOn = c.does(ctx, r.race, w, "apply", "-auto-approve", "-lock-timeout=60s", "-var=seconds=1")
			r.overs(c, run, "success")
		case 1:
			goesOn = r.isCancelled(ctx, c, w, run)
		case 2:
			goesOn = r.hangs(ctx, c, w, run)
		case 3:
			goesOn = r.isStartedAgain(ctx, c, w, run)
		}
	}
}

func (r *autoRace) begins(c *racer, run string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.session = r.ci.Session(run)
	r.ci.Begin(run)
}

// overs ends an attempt of the run, whose client is over.
func (r *autoRace) overs(c *racer, run, conclusion string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ci.End(run, conclusion, time.Now())
	if c.id != "" {
		r.history.ends(string(r.Path(c.key)), c.id, time.Now().Truncate(time.Second)) // as GitHub says it
	}
}

// isCancelled: the run is cancelled while its client holds the lock, which goes by itself.
func (r *autoRace) isCancelled(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := c.hold(ctx, r.race, w)
	if held == nil {
		return false
	}
	_ = held.Kill()
	id := c.ends(r.race)
	r.note(c.kind.Name, "cancelled")
	r.overs(c, run, "cancelled")
	return r.goes(ctx, c, id)
}

// hangs: the client holds its lock for longer than the guard, and its run goes on. Then it
// dies with its host, and its run is over some time later.
func (r *autoRace) hangs(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := c.hold(ctx, r.race, w)
	if held == nil {
		return false
	}
	r.note(c.kind.Name, "hung")
	time.Sleep(2 * autoGuard)
	_ = held.Kill()
	id := c.ends(r.race)
	time.Sleep(autoGuard)
	if !r.holds(string(r.Path(c.key)), id) {
		r.fails("the lock %s went while its run was in progress", id)
	}
	r.overs(c, run, "failure")
	return r.goes(ctx, c, id)
}

// isStartedAgain: the run is cancelled, and its next attempt meets the lock of the former
// one, under the same session.
func (r *autoRace) isStartedAgain(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := c.hold(ctx, r.race, w)
	if held == nil {
		return false
	}
	_ = held.Kill()
	id := c.ends(r.race)
	r.note(c.kind.Name, "started again")
	r.overs(c, run, "cancelled")
	r.begins(c, run)
	_, _ = w.Run(ctx, "apply", "-auto-approve", "-lock-timeout=8s") // it meets the lock, or takes one of its own
	c.ends(r.race)
	r.overs(c, run, "failure")
	return r.goes(ctx, c, id)
}

// goes waits until the lock of a run that is over is gone.
func (r *autoRace) goes(ctx context.Context, c *racer, id string) bool {
	began := time.Now()
	if !c.goes(ctx, r.race, id) {
		return false
	}
	r.note("released automatically", fmt.Sprintf("within %ds of the end", 10*(1+int(time.Since(began).Seconds())/10)))
	return true
}
