package main

import (
	"context"
	"errors"
	"os"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// world is where scenes play: a table store, a bucket store, and an AWS for the rest.
type world struct {
	name            string
	tables, buckets *server.Kind // nil: the AWS for the rest has them
	rest            *server.Kind // nil: moto
}

var (
	onMoto      = world{name: "moto"}
	onMiniStack = world{name: server.MiniStack.Name, rest: &server.MiniStack}
)

// beside is a table store and a bucket store beside moto.
func beside(tables, buckets *server.Kind) world {
	return world{tables.Name + " + " + buckets.Name, tables, buckets, nil}
}

// kinds are the engines that a world needs.
func (w world) kinds() []server.Kind {
	var all []server.Kind
	for _, k := range []*server.Kind{w.tables, w.buckets, w.rest} {
		if k != nil {
			all = append(all, *k)
		}
	}
	return all
}

// needs are the parts that must be installed for it.
func (w world) needs() []local.Part {
	parts := []local.Part{local.Services, local.OpenTofu}
	for _, k := range w.kinds() {
		parts = append(parts, k.Installed)
	}
	return parts
}

// exception is what one of the world's engines cannot do in a scene.
func (w world) exception(scene string) exception {
	for _, k := range w.kinds() {
		if e, ok := excepted[k.Name][scene]; ok {
			return e
		}
	}
	return exception{}
}

// start starts the world's engines, each with a folder in dir as its home. stop ends them.
func (w world) start(ctx context.Context, dir string) (aws *local.AWS, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	begin := func(k *server.Kind) string {
		if k == nil || err != nil {
			return ""
		}
		home, failure := os.MkdirTemp(dir, "home-")
		if failure != nil {
			err = failure
			return ""
		}
		s, failure := server.Start(ctx, *k, home)
		if failure != nil {
			err = failure
			return ""
		}
		stops = append(stops, s.Stop)
		return s.Endpoint
	}
	rest := begin(w.rest)
	if w.rest == nil {
		moto, failure := local.Start()
		if failure != nil {
			return nil, nil, failure
		}
		stops, rest = append(stops, moto.Stop), moto.Endpoint
	}
	tables, buckets := begin(w.tables), begin(w.buckets)
	if err != nil {
		stop()
		return nil, nil, errors.Join(errors.New(w.name), err)
	}
	return local.At(rest, server.AccessKey, server.SecretKey).With(tables, buckets), stop, nil
}
