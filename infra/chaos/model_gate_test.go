package main

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"regexp"
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
	actor   *actor
	name    string // operation and place, the same in every replay
	request *http.Request
	answer  chan reply
}

// deed says whether the call changes a lock, a state or a digest, or may.
func (w *waiting) deed() bool {
	return strings.HasPrefix(w.name, "Put") || strings.HasPrefix(w.name, "Delete")
}

type reply struct {
	response *http.Response
	err      error
}

// fate is what becomes of a call, and of the process that makes it.
type fate int

const (
	passes fate = iota
	diesBefore
	diesAfter
)

// config is an actor's way to AWS. It has no retries: a fault here ends the process.
func (g *gate) config(server *local.AWS, a *actor) aws.Config {
	cfg := server.Config()
	cfg.HTTPClient = client{g, a}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

type client struct {
	*gate
	actor *actor
}

// Do waits for its turn.
func (c client) Do(r *http.Request) (*http.Response, error) {
	operation := middleware.GetOperationName(r.Context())
	place := strings.TrimPrefix(r.URL.Path, "/")
	if place == "" && r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		if row := rowOf.FindSubmatch(text); row != nil {
			place = string(row[1])
		}
	}
	w := &waiting{c.actor, operation + " " + place, r, make(chan reply, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	got := <-w.answer
	return got.response, got.err
}

var rowOf = regexp.MustCompile(`"LockID":\{"S":"([^"]+)"`)

// pending are the calls that wait, in an order that does not depend on goroutines.
func (g *gate) pending() []*waiting {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := slices.Clone(g.waiting)
	slices.SortStableFunc(list, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(a.actor.number, b.actor.number), strings.Compare(a.name, b.name))
	})
	return list
}

// pass sends one call. Its caller goes on with what is given, once it has that.
func (g *gate) pass(w *waiting, f fate) reply {
	g.mu.Lock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *waiting) bool { return other == w })
	g.mu.Unlock()
	var got reply
	if f != diesBefore && !w.actor.dead {
		got.response, got.err = g.outside.carry(w.request) //nolint:bodyclose // it is in memory
	}
	w.actor.dead = w.actor.dead || f != passes
	if w.actor.dead {
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
