package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// race is real clients beside all functions, for a while.
type race struct {
	*world
	history *history
	clients *local.AWS // AWS through the clients' door
	cfg     aws.Config // AWS through Lockwarden's door

	mu       sync.Mutex
	outcomes map[string]map[string]int // what each function and client answered, and how often
	failures []string
}

// runRace lets clients race until the time is up. Each key has a terraform and a tofu
// that contend for it, where both are there.
func runRace(ctx context.Context, d time.Duration, modes []local.Mode, out io.Writer) error {
	server, err := local.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	r := &race{world: &world{aws: server, stuckAfter: time.Second}, outcomes: map[string]map[string]int{}}
	if r.Place, err = server.MakePlace(ctx, "race"); err != nil {
		return err
	}
	r.history = newHistory(r.Bucket, r.Table)
	theirs, stopTheirs, err := r.history.door(server.Endpoint, false)
	if err != nil {
		return err
	}
	defer stopTheirs()
	own, stopOwn, err := r.history.door(server.Endpoint, true)
	if err != nil {
		return err
	}
	defer stopOwn()
	r.clients, r.cfg = server.Through(theirs), server.Through(own).Config()
	dir, err := os.MkdirTemp("", "lockwarden-chaos-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary folder
	if err := r.run(ctx, d, dir, modes); err != nil {
		return err
	}
	return r.report(out, d)
}

// run has everybody at work until the time is up, and lets each finish what it began.
func (r *race) run(ctx context.Context, d time.Duration, dir string, modes []local.Mode) error {
	kinds, err := local.Clients()
	if err != nil {
		return err
	}
	timeUp, stop := context.WithTimeout(ctx, d)
	defer stop()
	var clients, functions sync.WaitGroup
	for i, mode := range modes {
		for j, kind := range kinds {
			name := fmt.Sprintf("%s/%d-%d", dir, i, j)
			clients.Go(func() { r.works(ctx, timeUp, kind, name, fmt.Sprintf("branches/%s/terraform.tfstate", mode), mode) })
		}
		clients.Go(func() {
			r.dies(ctx, timeUp, kinds[i%len(kinds)], fmt.Sprintf("%s/%d-killed", dir, i), fmt.Sprintf("killed/%s/terraform.tfstate", mode), mode)
		})
	}
	over := make(chan struct{}) // the clients are done: functions go on until then
	for name, function := range map[string]func() (string, error){
		"monitor": func() (string, error) {
			outcome, err := watch(ctx, r.world, r.cfg, "")
			return strings.Split(outcome, ":")[0], err
		},
		"unlock":  func() (string, error) { return r.releases(ctx) },
		"prune":   func() (string, error) { return r.prunes(ctx) },
		"restore": func() (string, error) { return r.restores(ctx) },
	} {
		functions.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(200 * time.Millisecond): // there are two dozen processes beside it
				}
				outcome, err := function()
				r.note(name, outcome)
				if err != nil {
					r.fails("%s: %v", name, err)
				}
			}
		})
	}
	clients.Wait()
	close(over)
	functions.Wait()
	return ctx.Err()
}

// releases names the lock of a client that was killed, or one that was given back long
// ago.
func (r *race) releases(ctx context.Context) (string, error) {
	r.history.mu.Lock()
	ids := slices.Collect(maps.Keys(r.history.dead))
	if rand.IntN(2) == 0 { //nolint:gosec // any will do
		ids = r.history.done
	}
	r.history.mu.Unlock()
	if len(ids) == 0 {
		return "nothing to name", nil
	}
	return releaseOf(ctx, r.world, r.cfg, ids[rand.IntN(len(ids))], "race", true) //nolint:gosec // any will do
}

func (r *race) prunes(ctx context.Context) (string, error) {
	p, err := pruner(r.world, r.cfg, everything, 0)
	if err != nil {
		return "", err
	}
	report, err := p.Run(ctx, prune.Request{}, fmt.Sprint("race ", time.Now().UnixNano()))
	if err == nil && len(report.Errors) > 0 {
		err = errors.New(strings.Join(report.Errors, "; "))
	}
	for _, s := range report.Kept {
		r.note("prune", "kept: "+string(s.Reason))
	}
	for range report.Pruned {
		r.note("prune", "pruned")
	}
	return "runs", err
}

// restores brings back one that was pruned, now and then.
func (r *race) restores(ctx context.Context) (string, error) {
	r.history.mu.Lock()
	paths := slices.Collect(maps.Keys(r.history.pruned))
	r.history.mu.Unlock()
	if len(paths) == 0 || rand.IntN(4) > 0 { //nolint:gosec // any will do
		return "nothing to restore", nil
	}
	p, err := pruner(r.world, r.cfg, everything, 0)
	if err != nil {
		return "", err
	}
	a, err := p.Restore(ctx, paths[rand.IntN(len(paths))], "race") //nolint:gosec // any will do
	return string(a.Outcome), err
}

func (r *race) note(who, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outcomes[who] == nil {
		r.outcomes[who] = map[string]int{}
	}
	r.outcomes[who][outcome]++
}

func (r *race) fails(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// report says what happened, and what was broken.
func (r *race) report(out io.Writer, d time.Duration) error {
	fmt.Fprintf(out, "\nReal clients beside all functions for %s: %d changes of locks, states and alerts.\n", d, r.history.changes)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHO\tWHAT\tTIMES")
	for _, who := range slices.Sorted(maps.Keys(r.outcomes)) {
		for _, what := range slices.Sorted(maps.Keys(r.outcomes[who])) {
			fmt.Fprintf(table, "%s\t%s\t%d\n", who, what, r.outcomes[who][what])
		}
	}
	_ = table.Flush() // nothing can be done about a closed terminal
	broken := slices.Concat(r.history.broken, r.failures)
	for at, id := range r.history.locks {
		broken = append(broken, fmt.Sprintf("left in the end: lock %s at %s", id, at))
	}
	if len(broken) > 0 {
		fmt.Fprintf(out, "BROKEN:\n%s\nto see it again: go run ./infra/chaos -only race -for %s; it depends on chance\n", strings.Join(broken, "\n"), d)
		return errBroken
	}
	fmt.Fprintln(out, "laws held: no live lock released, no serial went back, no client met a broken state.")
	return nil
}
