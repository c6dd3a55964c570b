package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// What installs in less than a minute is in `make test`: quick and quickWorlds.
var (
	quick       = []server.Kind{server.MiniStack, server.Dynalite, server.S3rver}
	slow        = []server.Kind{server.Dynoxide, server.Versitygw, server.VersitygwPlain}
	quickWorlds = []world{onMiniStack, beside(&server.Dynalite, &server.S3rver)}
	slowWorlds  = []world{onMoto, beside(&server.Dynoxide, &server.Versitygw), beside(&server.Dynalite, &server.VersitygwPlain)}
)

// The rows of a crowded table: few in `make test`, since each engine takes its time to write
// them.
const (
	someRows = 5_000
	manyRows = 100_000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tries everything on every engine that is installed, and prints the tables.
func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "engines-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears it otherwise
	stores, lived := newMatrix("promise of a store"), newMatrix("scene")
	for _, k := range slices.Concat(quick, slow) {
		if installed(out, k.Name, k.Installed) {
			err = errors.Join(err, tryStores(ctx, k, dir, stores))
		}
	}
	for _, w := range slices.Concat(slowWorlds[:1], quickWorlds, slowWorlds[1:]) {
		if installed(out, w.name, w.needs()...) {
			err = errors.Join(err, tryScenes(ctx, w, dir, lived))
		}
	}
	stores.print(out)
	fmt.Fprintln(out)
	lived.print(out)
	if n := len(stores.failures) + len(lived.failures); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d cells are neither held nor an exception that is named", n))
	}
	return err
}

// installed says whether parts are, and prints what is left out otherwise.
func installed(out io.Writer, name string, parts ...local.Part) bool {
	for _, p := range parts {
		if !local.Have(p) {
			fmt.Fprintf(out, "LEFT OUT: %s: .build/%s is not installed\n", name, p)
			return false
		}
	}
	return true
}

func tryStores(ctx context.Context, k server.Kind, dir string, m *matrix) error {
	home, err := os.MkdirTemp(dir, "home-")
	if err != nil {
		return err
	}
	s, err := server.Start(ctx, k, home)
	if err != nil {
		return err
	}
	defer s.Stop()
	said := probed(ctx, s.AWS().Config())
	for _, p := range promises(k) {
		cell, failed := judge(excepted[k.Name][p.name], p.keep(ctx, s.AWS().Config()), said)
		m.set(p.name, k.Name, cell, failed)
	}
	return ctx.Err()
}

func tryScenes(ctx context.Context, w world, dir string, m *matrix) error {
	aws, stop, err := w.start(ctx, dir)
	if err != nil {
		return err
	}
	defer stop()
	said := probed(ctx, aws.Config())
	for _, s := range scenes() {
		started := time.Now()
		cell, failed := judge(w.exception(s.name), s.on(ctx, aws, dir, manyRows), said)
		m.set(s.name, w.name, cell, failed)
		slog.Info(w.name, "scene", s.name, "cell", cell, "seconds", math.Round(time.Since(started).Seconds()))
	}
	return ctx.Err()
}
