package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// Those of the first install in less than a minute: `make test` has them.
var (
	quick = []server.Kind{server.MiniStack, server.Dynalite, server.S3rver}
	slow  = []server.Kind{server.Dynoxide, server.Versitygw, server.VersitygwPlain}
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
	stores := newMatrix("promise of a store")
	for _, k := range append(quick, slow...) {
		if !local.Have(k.Installed) {
			fmt.Fprintf(out, "LEFT OUT: %s, which is not installed (.build/%s)\n", k.Name, k.Installed)
			continue
		}
		if err := tryStores(ctx, k, dir, stores); err != nil {
			return err
		}
	}
	stores.print(out)
	if n := len(stores.failures); n > 0 {
		return fmt.Errorf("%d promises are not kept, and are no exceptions", n)
	}
	return nil
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
	for _, p := range promises(k) {
		cell, failed := judge(excepted[k.Name][p.name], p.keep(ctx, s.AWS().Config()))
		m.set(p.name, k.Name, cell, failed)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	return nil
}
