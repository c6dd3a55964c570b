package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// race is real clients beside all functions, for a while.
type race struct {
	*world
	*doors
	server *local.AWS
	name   string // for -only

	noted    sync.Mutex
	outcomes map[string]map[string]int // what each function and client answered, and how often
	failures []string
	stops    []func()
}

// releaseGuard is longer than any client of the race holds its lock, if it is not killed.
const releaseGuard = 10 * time.Minute

// newRace makes one in an AWS of its own, with that ReleaseGuard; stop ends it.
func newRace(ctx context.Context, name string, guard, stuckAfter time.Duration) (r *race, stop func(), err error) {
	server, err := local.Start()
	if err != nil {
		return nil, func() {}, err
	}
	r = &race{world: &world{aws: server, stuckAfter: stuckAfter}, server: server, name: name, outcomes: map[string]map[string]int{}}
	stop = func() {
		for _, stop := range r.stops {
			stop()
		}
		server.Stop()
	}
	upstream, err := url.Parse(server.Endpoint)
	if err != nil {
		return nil, stop, err
	}
	r.Place, err = server.MakePlace(ctx, "race")
	r.doors = &doors{upstream: upstream, bucket: r.Bucket, table: r.Table, history: newHistory(time.Now, guard)}
	r.history.slack = 3 * time.Second // S3's times are whole seconds
	r.history.loud = true
	return r, stop, err
}

// inFolder races with a folder for the clients, and reports what came of it.
func (r *race) inFolder(out io.Writer, d time.Duration, run func(dir string) error) error {
	dir, err := os.MkdirTemp("", "lockwarden-chaos-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary folder
	if err := run(dir); err != nil {
		return err
	}
	return r.report(out, d)
}

// runRace lets clients race until the time is up. Each key has a terraform and a tofu
// that contend for it, where both are there.
func runRace(ctx context.Context, d time.Duration, modes []local.Mode, out io.Writer) error {
	r, stop, err := newRace(ctx, onlyRace, releaseGuard, time.Second)
	defer stop()
	if err != nil {
		return err
	}
	return r.inFolder(out, d, func(dir string) error { return r.run(ctx, d, dir, modes) })
}

// enter returns a party's own way to AWS.
func (r *race) enter(p *party, clock time.Duration) (*local.AWS, error) {
	endpoint, stop, err := r.doors.open(p, clock)
	if err != nil {
		return nil, err
	}
	r.noted.Lock()
	defer r.noted.Unlock()
	r.stops = append(r.stops, stop)
	return r.server.Through(endpoint), nil
}

// run has everybody at work until the time is up, and lets each finish what it began.
func (r *race) run(ctx context.Context, d time.Duration, dir string, modes []local.Mode) error {
	timeUp, stop := context.WithTimeout(ctx, d)
	defer stop()
	racers, err := racers(modes)
	if err != nil {
		return err
	}
	var clients, functions sync.WaitGroup
	for i, c := range racers {
		c.dir = fmt.Sprintf("%s/%d", dir, i)
		clients.Go(func() { c.run(ctx, timeUp, r) })
	}
	over := make(chan struct{}) // the clients are done: functions go on until then
	for name, run := range map[string]func(context.Context, *party, aws.Config) (string, error){
		"monitor": r.monitors, "unlock": r.releases, "unlock without force": r.releasesUnforced, "prune": r.prunes, "restore": r.restores,
	} {
		p := &party{name: name, lockwarden: true}
		through, err := r.enter(p, 0)
		if err != nil {
			return err
		}
		functions.Go(func() { r.repeat(ctx, over, p, func() (string, error) { return run(ctx, p, through.Config()) }) })
	}
	clients.Wait()
	close(over)
	functions.Wait()
	return ctx.Err()
}

// repeat runs a function again and again until it is over.
func (r *race) repeat(ctx context.Context, over <-chan struct{}, p *party, run func() (string, error)) {
	for ctx.Err() == nil {
		select {
		case <-over:
			return
		case <-time.After(200 * time.Millisecond): // there are two dozen processes beside it
		}
		r.mu.Lock()
		p.began = r.history.changes
		r.mu.Unlock()
		outcome, err := run()
		r.note(p.name, outcome)
		if err != nil {
			r.fails("%s: %v", p.name, err)
		}
	}
}

func (r *race) monitors(ctx context.Context, _ *party, cfg aws.Config) (string, error) {
	outcome, err := runMonitor(ctx, r.world, cfg, "")
	return strings.Split(outcome, ":")[0], err
}

// releases names the lock of a client that was killed, or one that was given back long
// ago.
func (r *race) releases(ctx context.Context, p *party, cfg aws.Config) (string, error) {
	r.mu.Lock()
	ids := r.history.endedHolders()
	if len(ids) == 0 || rand.IntN(2) == 0 { //nolint:gosec // any will do
		ids = slices.Collect(maps.Keys(r.history.ended))
	}
	if len(ids) > 0 {
		p.releases, p.forced = ids[rand.IntN(len(ids))], true //nolint:gosec // any will do
	}
	r.mu.Unlock()
	if len(ids) == 0 {
		return "nothing to name", nil
	}
	return runUnlock(ctx, r.world, cfg, unlockRequest{id: p.releases, force: true}, "race")
}

// releasesUnforced names the lock of anybody, by somebody who believes what it says of
// its own age: it may be of a client whose clock is wrong, or one that waited for it.
func (r *race) releasesUnforced(ctx context.Context, p *party, cfg aws.Config) (string, error) {
	r.mu.Lock()
	var at []place
	for place, l := range r.history.locks {
		if !l.own {
			at = append(at, place)
		}
	}
	var path string
	if len(at) > 0 {
		one := at[rand.IntN(len(at))] //nolint:gosec // any will do
		p.releases, path = r.history.locks[one].id, one.name
	}
	r.mu.Unlock()
	if path == "" {
		return "nothing to name", nil
	}
	return runUnlock(ctx, r.world, cfg, unlockRequest{id: p.releases, path: path}, "race")
}

func (r *race) prunes(ctx context.Context, _ *party, cfg aws.Config) (string, error) {
	p, err := pruner(r.world, cfg, everything, 0)
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
func (r *race) restores(ctx context.Context, _ *party, cfg aws.Config) (string, error) {
	r.mu.Lock()
	paths := r.history.pruned()
	r.mu.Unlock()
	if len(paths) == 0 || rand.IntN(4) > 0 { //nolint:gosec // any will do
		return "nothing to restore", nil
	}
	p, err := pruner(r.world, cfg, everything, 0)
	if err != nil {
		return "", err
	}
	a, err := p.Restore(ctx, tflock.Path(paths[rand.IntN(len(paths))]), "race") //nolint:gosec // any will do
	return string(a.Outcome), err
}

func (r *race) note(who, outcome string) {
	r.noted.Lock()
	defer r.noted.Unlock()
	if r.outcomes[who] == nil {
		r.outcomes[who] = map[string]int{}
	}
	r.outcomes[who][outcome]++
}

// fails is for what is wrong with the race itself. It says so at once: a long race need not
// come to its end first.
func (r *race) fails(format string, args ...any) {
	r.noted.Lock()
	defer r.noted.Unlock()
	failure := time.Now().UTC().Format("15:04:05 ") + fmt.Sprintf(format, args...)
	fmt.Fprintln(os.Stderr, failure)
	r.failures = append(r.failures, failure)
}

// report says what happened, and what was broken.
func (r *race) report(out io.Writer, d time.Duration) error {
	fmt.Fprintf(out, "\nReal clients beside all functions for %s: %d changes of locks, digests and states.\n", d, r.history.changes)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHO\tWHAT\tTIMES")
	for _, who := range slices.Sorted(maps.Keys(r.outcomes)) {
		for _, what := range slices.Sorted(maps.Keys(r.outcomes[who])) {
			fmt.Fprintf(table, "%s\t%s\t%d\n", who, what, r.outcomes[who][what])
		}
	}
	_ = table.Flush() // nothing can be done about a closed terminal
	broken := slices.Concat(r.history.broken, r.failures, r.atEnd())
	if len(broken) > 0 {
		fmt.Fprintf(out, "BROKEN:\n%s\nto see it again: go run ./infra/chaos -only %q -for %s; it depends on chance\n", strings.Join(broken, "\n"), r.name, d)
		return errBroken
	}
	fmt.Fprintln(out, "laws held: no live lock released, none without force that is young, no serial went back, no client met a broken state.")
	return nil
}

// atEnd says what is left that should not be, and whether the history missed a change:
// then its laws were not checked.
func (r *race) atEnd() (broken []string) {
	for at, l := range r.history.locks {
		broken = append(broken, fmt.Sprintf("left in the end: lock %s at %s", l.id, at))
	}
	c, err := r.contents()
	if err != nil {
		return append(broken, err.Error())
	}
	for key := range union(c.newest, nil) {
		if s := r.history.states[string(r.Path(key))]; s.body != c.newest[key] || s.deleted != c.deleted[key] {
			broken = append(broken, "the history missed a change of the state "+key)
		}
	}
	for at, digest := range c.digests {
		if _, key, _ := strings.Cut(at, " "); r.history.digests[place{inTable, string(r.Path(key))}] != digest {
			broken = append(broken, "the history missed a change of the digest of "+key)
		}
	}
	if len(c.locks) != len(r.history.locks) {
		broken = append(broken, "the history missed a change of a lock: "+c.String())
	}
	return broken
}
