package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// autoRace is real clients in runs of a CI system that end, hang, are cancelled and are
// started again, beside the monitor and the unlock function as Lambda runs them: their own
// binaries, with nothing but an environment. What the CI system says comes over HTTP.
type autoRace struct {
	*race
	ci       *local.GitHub
	monitor  string // path of the binary
	unlock   string
	scanners []*party // the monitors
	services string   // address of the CI system and of Lambda
	invoked  atomic.Int64
	runs     atomic.Int64 // of the CI system

	asking  sync.Map // party of an invocation of the unlock function, by its number
	notices chan local.Notification
}

// autoGuard is the ReleaseGuard of this race.
const autoGuard = 5 * time.Second

// runAutoRace lets clients race until the time is up.
func runAutoRace(ctx context.Context, d time.Duration, out io.Writer) error {
	basis, stop, err := newRace(ctx, onlyAuto, autoGuard, time.Hour)
	defer stop()
	if err != nil {
		return err
	}
	r := &autoRace{race: basis, ci: local.NewGitHub("1", time.Now), notices: make(chan local.Notification, 1000)}
	services, end, err := local.Serve(r.handler())
	if err != nil {
		return err
	}
	defer end()
	r.services, r.noticed = services, r.notify
	r.history.mode, r.history.selects = policy.AutoRelease, func(string) bool { return true }
	if r.monitor, err = local.Build(ctx, "monitor"); err != nil {
		return err
	}
	if r.unlock, err = local.Build(ctx, "unlock"); err != nil {
		return err
	}
	if err := r.server.MakeSecret(ctx, "/github-token", local.GitHubToken); err != nil {
		return err
	}
	return r.inFolder(out, d, func(dir string) error { return r.run(ctx, d, dir) })
}

// run has everybody at work until the time is up, and lets each finish what it began.
func (r *autoRace) run(ctx context.Context, d time.Duration, dir string) error {
	timeUp, stop := context.WithTimeout(ctx, d)
	defer stop()
	kinds, err := local.Clients()
	if err != nil {
		return err
	}
	var clients, functions sync.WaitGroup
	for i := range 4 {
		mode := []local.Mode{local.ByFile, local.ByBoth}[i%2]
		c := &racer{kind: kinds[i/2%len(kinds)], dir: fmt.Sprintf("%s/%d", dir, i), key: fmt.Sprintf("auto/%d/terraform.tfstate", i), mode: mode}
		c.party = &party{name: fmt.Sprintf("client %d, %s on %s", i, c.kind.Name, c.key)}
		clients.Go(func() { r.works(ctx, timeUp, c) })
	}
	over := make(chan struct{})
	for i := range 2 {
		r.scanners = append(r.scanners, &party{name: fmt.Sprint("monitor ", i), lockwarden: true})
	}
	for i, p := range r.scanners {
		functions.Go(func() { r.monitors(ctx, over, p, int64(-1-i)) })
	}
	functions.Go(func() { r.witnesses(ctx, over) })
	clients.Wait()
	close(over)
	functions.Wait()
	return ctx.Err()
}
