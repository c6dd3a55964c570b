package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

func main() {
	races := flag.Duration("for", 2*time.Minute, "how long real clients race with all functions; 0: not at all")
	only := flag.String("only", "", "make only the trials whose names contain this, and no race; race, or auto race: nothing but that")
	workers := flag.Int("workers", 2, "how many trials to make at once, each with an AWS of its own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *only != onlyRace && *only != onlyAuto {
		err = matrix(ctx, *only, *workers)
	}
	goesOn := func() bool { return *races > 0 && (err == nil || errors.Is(err, errBroken)) }
	if goesOn() && (*only == "" || *only == onlyRace) {
		err = errors.Join(err, runRace(ctx, *races, local.Modes, os.Stdout))
	}
	if goesOn() && (*only == "" || *only == onlyAuto) {
		err = errors.Join(err, runAutoRace(ctx, *races, os.Stdout))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The races, for -only.
const (
	onlyRace = "race"
	onlyAuto = "auto race" // of clients whose locks may be released automatically
)

var errBroken = errors.New("laws were broken: see above")

// matrix makes all trials, and prints how they ended.
func matrix(ctx context.Context, only string, workers int) error {
	worlds, stop, err := makeWorlds(ctx, workers)
	defer stop()
	if err != nil {
		return err
	}
	list, err := worlds[0].allTrials()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t trial) bool { return !strings.Contains(t.String(), only) })
	all, err := runAll(ctx, worlds, list)
	if err != nil {
		return err
	}
	all.print(os.Stdout)
	if all.broken > 0 {
		return errBroken
	}
	return nil
}

// makeWorlds makes that many, each in an AWS of its own; stop ends those.
func makeWorlds(ctx context.Context, n int) (worlds []*world, stop func(), err error) {
	var servers []*local.AWS
	stop = func() {
		for _, s := range servers {
			s.Stop()
		}
	}
	for range n {
		server, err := local.Start()
		if err != nil {
			return nil, stop, err
		}
		servers = append(servers, server)
		w, err := makeWorld(ctx, server)
		if err != nil {
			return nil, stop, err
		}
		worlds = append(worlds, w)
	}
	return worlds, stop, nil
}

// runAll makes all trials, as many at once as there are worlds.
func runAll(ctx context.Context, worlds []*world, list []trial) (tally, error) {
	results, next := make(chan result), make(chan trial)
	go func() {
		defer close(next)
		for _, t := range list {
			select {
			case next <- t:
			case <-ctx.Done():
				return
			}
		}
	}()
	for _, w := range worlds {
		go func() {
			for t := range next {
				met, err := w.run(t)
				results <- result{t, met, err}
			}
		}()
	}
	var all tally
	for range list {
		select {
		case r := <-results:
			all.add(r)
			if r.err != nil {
				fmt.Printf("BROKEN %s: %v\nto see it again: go run ./infra/chaos -for 0 -only %q\n\n", r.trial, r.err, r.trial)
			}
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}
