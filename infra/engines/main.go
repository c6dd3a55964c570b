package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// What installs in less than a minute is in `make test`: quick and quickWorlds.
var (
	quick       = []server.Kind{server.MiniStack, server.Dynalite, server.S3rver}
	slow        = []server.Kind{server.Dynoxide, server.Versitygw, server.VersitygwPlain, server.SeaweedFS}
	quickWorlds = []world{onMiniStack, beside(&server.Dynalite, &server.S3rver)}
	slowWorlds  = []world{onMoto, beside(&server.Dynoxide, &server.Versitygw), beside(&server.Dynalite, &server.VersitygwPlain), beside(&server.Dynoxide, &server.SeaweedFS)}
)

// The rows of a crowded table: few in `make test`, since each engine takes its time to write
// them.
const (
	someRows = 5_000
	manyRows = 100_000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	only := flag.String("only", "", "try the engines whose names match this regular expression")
	without := flag.String("without", "", "leave these out, comma-separated: names of engines, and terraform. Whatever else is not installed is a failure")
	write := flag.Bool("write", false, "write the tables of a whole run that ends well into docs/engines.md")
	flag.Parse()
	err := run(ctx, os.Stdout, *only, split(*without), *write)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// split returns the names of a comma-separated list.
func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// run tries everything on every engine that is wanted, and prints the tables. One that is not
// installed is a failure before anything is tried, unless it is left out by its name. It writes
// the page, or compares it.
func run(ctx context.Context, out io.Writer, only string, without []string, write bool) error {
	if write && (only != "" || len(without) > 0) {
		return errors.New("the page has the tables of a whole run: nothing can be left out of one that writes it")
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	chosen, err := choose(out, wanted, without, local.Have)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "engines-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears it otherwise
	stores, lived := newMatrix("promise of a store"), newMatrix("scene")
	said, err := tryMoto(ctx, stores)
	for _, k := range chosen.kinds {
		rows, failure := tryStores(ctx, k, dir, stores)
		said, err = append(said, rows...), errors.Join(err, failure)
	}
	for _, w := range chosen.worlds {
		err = errors.Join(err, tryScenes(ctx, w, dir, lived, chosen.clients))
	}
	stores.print(out)
	lived.print(out)
	fmt.Fprint(out, probeTable(said))
	if n := len(stores.failures) + len(lived.failures); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d cells are neither held nor an exception that is named", n))
	}
	if err == nil && write {
		return writePage(time.Now(), stores, lived, said)
	}
	return errors.Join(err, documented(said))
}

// moto is the engine that `make test` meets everywhere. It is started by package local.
var moto = server.Kind{Name: onMoto.name, Tables: true, Buckets: true}

// tryMoto returns what the probe says of it.
func tryMoto(ctx context.Context, m *matrix) ([]string, error) {
	s, err := local.Start()
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	return tryPromises(ctx, moto, s.Config(), m)
}

// tryStores starts an engine, and returns what the probe says of it.
func tryStores(ctx context.Context, k server.Kind, dir string, m *matrix) ([]string, error) {
	home, err := os.MkdirTemp(dir, "home-")
	if err != nil {
		return nil, err
	}
	s, err := server.Start(ctx, k, home)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	return tryPromises(ctx, k, s.AWS().Config(), m)
}

// tryPromises returns what the probe says of the engine that cfg leads to.
func tryPromises(ctx context.Context, k server.Kind, cfg aws.Config, m *matrix) ([]string, error) {
	rows, err := findings(ctx, k, cfg)
	if err != nil {
		return nil, err
	}
	said := probed(ctx, cfg)
	for _, p := range promises(k) {
		cell, failed := judge(excepted[k.Name][p.Name], p.Run(ctx, cfg), said)
		m.set(p.Name, k.Name, cell, failed)
	}
	return rows, ctx.Err()
}

func tryScenes(ctx context.Context, w world, dir string, m *matrix, clients []local.Client) error {
	aws, stop, err := w.start(ctx, dir)
	if err != nil {
		return err
	}
	defer stop()
	said := probed(ctx, aws.Config())
	for _, s := range scenes(clients...) {
		started := time.Now()
		cell, failed := judge(w.exception(s.name), s.on(ctx, aws, dir, manyRows), said)
		m.set(s.name, w.name, cell, failed)
		slog.Info(w.name, "scene", s.name, "cell", cell, "seconds", math.Round(time.Since(started).Seconds()))
	}
	return ctx.Err()
}
