package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

func main() {
	runs := flag.Int("runs", 11, "cold runs of each line; the table has their medians")
	only := flag.String("only", "", "measure the lines that match this regular expression")
	ldflags := flag.String("ldflags", "-s -w", "of the Go programs; empty keeps the symbols that a profiler wants")
	flag.Parse()
	if err := measure(context.Background(), *runs, *only, *ldflags); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, runs int, only, ldflags string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	wanted := slices.DeleteFunc(cases(), func(c measured) bool { return !pattern.MatchString(c.name) })
	programs, err := build(ctx, ldflags, wanted)
	if err != nil {
		return err
	}
	var all []*series
	for _, c := range wanted {
		endpoint, stop, err := c.world.Serve()
		if err != nil {
			return err
		}
		defer stop()
		all = append(all, &series{measured: c, process: program{name: c.program, argv: programs[c.program], environment: environment(c.program, endpoint)}})
	}
	if err := inRounds(ctx, all, runs); err != nil {
		return err
	}
	fmt.Println("| what | init ms | wall ms | CPU ms | RSS MB | calls |")
	fmt.Println("|---|---:|---:|---:|---:|---|")
	for _, s := range all {
		fmt.Println(s.line())
	}
	fmt.Print("\nIn brackets: the figures to reach. ", slowness(all), "\n")
	return underEmulator(ctx, os.Stdout, all, runs)
}

// inRounds runs all of them by turns, so that a busy minute of the machine is in every line
// alike.
func inRounds(ctx context.Context, all []*series, runs int) error {
	for round := range runs {
		for _, s := range all {
			if round >= cmp.Or(s.runs, runs) {
				continue
			}
			if err := s.run(ctx, round == 0); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// slowness says how this machine compares with the one that the figures were set on, by
// each peer that was measured on both: no two agree.
func slowness(all []*series) string {
	var times []string
	for _, s := range all {
		for _, figure := range []struct {
			what        string
			there, here time.Duration
		}{{"init", s.peer.init, median(s.results, initOf)}, {"CPU", s.peer.cpu, median(s.results, cpuOf)}} {
			if figure.there > 0 {
				times = append(times, fmt.Sprintf("%.1f (%s of %s)", float64(figure.here)/float64(figure.there), figure.what, s.name))
			}
		}
	}
	if len(times) == 0 {
		return "They were set on another machine: measure the peers too."
	}
	return "They were set on another machine; this one takes so many times as long: " + strings.Join(times, ", ") + "."
}

func initOf(r run) time.Duration { return r.Init }
func wallOf(r run) time.Duration { return r.Wall }
func cpuOf(r run) time.Duration  { return r.CPU }

// series is a line of the table while it is measured.
type series struct {
	measured
	process program
	results []run
}

// run runs the program once more.
func (s *series) run(ctx context.Context, first bool) error {
	payload := cmp.Or(s.payload, "{}")
	if first && s.warmUp {
		if _, err := invoke(ctx, s.process, payload, 0); err != nil {
			return err
		}
	}
	if s.before != nil {
		s.before(s.world)
	}
	s.world.Reset()
	r, err := invoke(ctx, s.process, payload, s.hold)
	if err != nil {
		return err
	}
	s.results = append(s.results, r)
	if s.after != nil {
		return s.after(s.world)
	}
	return nil
}

func (s *series) line() string {
	ms := func(of func(run) time.Duration, limit time.Duration) string {
		return figure(float64(median(s.results, of).Microseconds())/1000, float64(limit.Milliseconds()))
	}
	rss := float64(median(s.results, func(r run) int64 { return r.RSS })) / (1 << 20)
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", s.name, ms(initOf, s.limits.init), ms(wallOf, s.limits.wall), ms(cpuOf, s.limits.cpu),
		figure(rss, float64(s.limits.rss>>20)), words(s.world.Calls(), s.world.Repeated()))
}

// figure writes what was measured, with what is to be reached if that is set.
func figure(measured, limit float64) string {
	if limit == 0 {
		return fmt.Sprintf("%.1f", measured)
	}
	return fmt.Sprintf("%.1f [%.0f]", measured, limit)
}

// build compiles the Go programs of these lines with the flags of the deployed build, for
// this machine.
func build(ctx context.Context, ldflags string, wanted []measured) (map[string][]string, error) {
	python := filepath.Join(local.Root(), ".build", "venv", "bin", "python")
	programs := map[string][]string{"boto3": {python, filepath.Join(local.Root(), "infra", "bench", "boto3", "bootstrap.py")}}
	dir := filepath.Join(local.Root(), ".build", "bench")
	sources := map[string]string{"empty": "./infra/bench/empty", "sdk": "./infra/bench/sdk"}
	for _, c := range wanted {
		name := c.program
		if programs[name] != nil {
			continue
		}
		source := cmp.Or(sources[name], "./functions/"+name)
		binary := filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags, "-tags", "lambda.norpc", "-o", binary, source) //nolint:gosec // our own programs
		cmd.Dir, cmd.Env = local.Root(), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
		programs[name] = []string{binary}
	}
	return programs, nil
}

func median[T cmp.Ordered](runs []run, of func(run) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func words(calls map[string]int, repeated int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		list = append(list, fmt.Sprintf("%s %s", thousands(calls[name]), name))
	}
	if repeated > 0 {
		list = append(list, fmt.Sprintf("%d repeated by the SDK", repeated))
	}
	return strings.Join(list, ", ")
}

func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
