package main

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/lockwarden/lockwarden/infra/local"
)

// gate lets one call pass at a time, in the order that the scheduler wants. All that call
// through it are in a synctest bubble, so that the scheduler knows when everybody waits.
type gate struct {
	mu      sync.Mutex
	waiting []*waiting
	outside *courier
}

// direct is for those who do not wait.
type direct struct{ *courier }

func (d direct) Do(r *http.Request) (*http.Response, error) { return d.carry(r) }

// waiting is one call that has not been sent.
type waiting struct {
	process *process
	name    string // operation and place, the same in every replay
	request *http.Request
	answer  chan reply
}

// writes says whether the call changes a lock, a state or a digest, or may.
func (w *waiting) writes() bool {
	return strings.HasPrefix(w.name, "Put") || strings.HasPrefix(w.name, "Delete")
}

type reply struct {
	response *http.Response
	err      error
}

// fate is how a call ends, and of the process that makes it.
type fate int

const (
	passes fate = iota
	diesBefore
	diesAfter
)

// config is a process's way to AWS. It has no retries: a fault here ends it.
func (g *gate) config(server *local.AWS, p *process) aws.Config {
	cfg := server.Config()
	cfg.HTTPClient = gated{g, p}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

type gated struct {
	*gate
	process *process
}

// Do waits until the scheduler lets the call pass.
func (c gated) Do(r *http.Request) (*http.Response, error) {
	w := &waiting{c.process, middleware.GetOperationName(r.Context()) + " " + targetOf(r), r, make(chan reply, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	got := <-w.answer
	return got.response, got.err
}

// pending are the calls that wait, in an order that does not depend on goroutines.
func (g *gate) pending() []*waiting {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := slices.Clone(g.waiting)
	slices.SortStableFunc(list, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(a.process.number, b.process.number), strings.Compare(a.name, b.name))
	})
	return list
}

// pass sends one call. Its caller goes on with what is given, once it has that.
func (g *gate) pass(w *waiting, f fate) reply {
	g.mu.Lock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *waiting) bool { return other == w })
	g.mu.Unlock()
	var got reply
	if f != diesBefore && !w.process.dead {
		got.response, got.err = g.outside.carry(w.request) //nolint:bodyclose // it is in memory
	}
	w.process.dead = w.process.dead || f != passes
	if w.process.dead {
		got = reply{nil, errDead}
	}
	return got
}

// courier carries calls from a bubble to AWS: connections of the bubble could not
// outlive it.
type courier struct {
	mu   sync.Mutex
	out  chan *http.Request
	back chan reply
}

func newCourier() *courier {
	c := &courier{out: make(chan *http.Request), back: make(chan reply)}
	inner := server.Config().HTTPClient
	go func() {
		for r := range c.out {
			response, err := (&wire{next: inner}).send(r) //nolint:bodyclose // it is in memory
			c.back <- reply{response, err}
		}
	}()
	return c
}

func (c *courier) carry(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out <- r.WithContext(context.Background()) // its own belongs to the bubble
	got := <-c.back
	return got.response, got.err
}
