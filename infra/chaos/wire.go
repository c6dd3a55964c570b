package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// call is one AWS call of a run: the nth of its operation.
type call struct {
	service, operation string
	nth                int
}

// seen is a call that a run made, and what it was about: an object's or a row's name.
type seen struct {
	call
	target string
}

func (c call) String() string { return fmt.Sprintf("%s.%s#%d", c.service, c.operation, c.nth) }

// wire stands between a function and AWS. It notes every call, and has one of them go
// wrong.
type wire struct {
	next  aws.HTTPClient
	at    call // the one that goes wrong
	fault fault
	// readsFail has every read of that service fail after it.
	readsFail bool
	// trouble hits more calls than that one. It may be nil.
	trouble *trouble
	world   *world
	// before happens before that call is sent. It may be nil.
	before func()
	// invocation is the one that calls.
	invocation *invocation

	mu    sync.Mutex
	times map[string]int
	calls []seen
	met   bool      // the fault was met
	dead  bool      // the process is: nothing that it calls arrives
	late  time.Time // a call went without an answer until then
}

var (
	errCut  = errors.New("connection reset by peer")
	errDead = errors.New("the process was killed")
)

// over returns a client configuration over the wire. Without retries, a fault lasts longer
// than the SDK tries; with them, the SDK repeats as it does by default, at once.
func over(cfg aws.Config, w *wire, retries bool) aws.Config {
	w.next, w.times = cfg.HTTPClient, map[string]int{}
	cfg.HTTPClient = w
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if retries {
		cfg.Retryer = func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		}
	}
	return cfg
}

// Do sends one call.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	met := w.isMet()
	c, err := w.note(r)
	if err != nil {
		return nil, err
	}
	switch {
	case w.trouble != nil && w.trouble.hits(w.world, c, bodyOf(r)):
		w.meet()
		return w.fail(w.trouble.fault, c, r)
	case w.readsFail && met && c.service == w.at.service && c.reads():
		return refusal(broken, c.service, r), nil
	case c != w.at:
		return w.send(r)
	}
	if w.before != nil {
		w.before()
	}
	return w.fail(w.fault, c, r)
}

func (w *wire) isMet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.met
}

func (w *wire) meet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met = true
}

// reads reports whether a call changes nothing.
func (c call) reads() bool {
	return c.operation == "Query" || c.operation == "Scan" || strings.HasPrefix(c.operation, "Get") || strings.HasPrefix(c.operation, "List") ||
		strings.HasPrefix(c.operation, "Head") || strings.HasPrefix(c.operation, "BatchGet")
}

// note writes a call down. It fails when the process is dead, or when the call has no
// time left.
func (w *wire) note(r *http.Request) (call, error) {
	ctx, target := r.Context(), targetOf(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return call{}, errDead
	}
	if deadline, bounded := ctx.Deadline(); bounded && !deadline.After(w.late) {
		return call{}, fmt.Errorf("no answer: %w", context.DeadlineExceeded)
	}
	c := call{middleware.GetServiceID(ctx), middleware.GetOperationName(ctx), 0}
	w.times[c.String()]++
	c.nth = w.times[c.String()]
	w.calls = append(w.calls, seen{c, target})
	w.met = w.met || c == w.at
	return c, nil
}

// fail makes a call go wrong.
func (w *wire) fail(f fault, c call, r *http.Request) (*http.Response, error) {
	switch f {
	case throttled, broken, denied, conflicting:
		return refusal(f, c.service, r), nil
	case cutBefore:
		return nil, errCut
	case killedBefore:
		return nil, w.die()
	case silent:
		return nil, w.hang(r.Context())
	case timedOut:
		w.invocation.expire()
		select { // whoever goes on past the deadline may
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(20 * time.Millisecond):
		}
	case sentTwice:
		return w.twice(r)
	case rival:
		if err := w.world.rivalTakes(c, targetOf(r)); err != nil {
			return nil, err
		}
	}
	response, err := w.send(r)
	if err != nil {
		return nil, err
	}
	switch f {
	case cutAfter:
		return nil, errCut
	case killedAfter:
		return nil, w.die()
	case garbled:
		return garbage(r), nil
	case cutWithin:
		body, _ := io.ReadAll(response.Body) // it is in memory
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), failing{}))
	}
	return response, nil
}

// twice sends a call once more after it had its effect. A condition that fails then comes
// without the item that made it fail, as some stores answer.
func (w *wire) twice(r *http.Request) (*http.Response, error) {
	body := bodyOf(r)
	again := r.Clone(r.Context())
	if body != "" {
		again.Body = io.NopCloser(strings.NewReader(body))
	}
	if _, err := w.send(r); err != nil { //nolint:bodyclose // it is in memory
		return nil, err
	}
	response, err := w.send(again)
	if err != nil || response.StatusCode != http.StatusBadRequest {
		return response, err
	}
	var failed map[string]any
	text, _ := io.ReadAll(response.Body) // it is in memory
	if json.Unmarshal(text, &failed) == nil {
		delete(failed, "Item")
		text, err = json.Marshal(failed)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	response.Header.Del("Content-Length")
	response.Header.Del("X-Amz-Crc32") // it is of the whole answer
	return response, err
}

// failing is the end of an answer that was cut.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (w *wire) die() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	return errDead
}

// hang lets the time pass that the call has: what shares its deadline comes too late as
// well, and with the invocation's own the process dies.
func (w *wire) hang(ctx context.Context) error {
	deadline, bounded := ctx.Deadline()
	if end, _ := w.invocation.Deadline(); !bounded || !deadline.Before(end) {
		return w.die()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = deadline
	return fmt.Errorf("no answer: %w", context.DeadlineExceeded)
}

// send lets a call through and reads its answer whole, so that no later fault touches
// it.
func (w *wire) send(r *http.Request) (*http.Response, error) {
	response, err := w.next.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}

// invocation is the context of one. Its deadline is far off, and comes when the wire says
// so.
type invocation struct {
	context.Context
	end  time.Time
	done chan struct{}
	once sync.Once
}

func newInvocation() *invocation {
	return &invocation{Context: context.Background(), end: time.Now().Add(15 * time.Minute), done: make(chan struct{})}
}

func (i *invocation) expire() { i.once.Do(func() { close(i.done) }) }

// Deadline is when Lambda kills the process.
func (i *invocation) Deadline() (time.Time, bool) { return i.end, true }

// Done is closed when the time is up.
func (i *invocation) Done() <-chan struct{} { return i.done }

// Err is DeadlineExceeded when the time is up.
func (i *invocation) Err() error {
	select {
	case <-i.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
