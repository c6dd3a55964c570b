package local

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Wire stands between a client and AWS, to cut the connection where AWS or the
// network would, or to let something else happen just before a call.
type Wire struct {
	// CutAt is the number of the call, from 1, that the process dies at: it and all
	// later ones fail. 0 cuts nothing.
	CutAt int
	// AfterEffect lets that call reach AWS and loses only its answer.
	AfterEffect bool
	// Before is called before each call is sent, with the API's name for it, such as
	// "DynamoDB_20120810.DeleteItem" or "DELETE". It may be nil.
	Before func(call string)
	// Refuse says which calls fail with the connection, each by itself. It may be nil.
	Refuse func(call string) bool
	// Lose says of which calls the answer is lost, after they had their effect. It may be
	// nil.
	Lose func(call string) bool

	mu    sync.Mutex
	calls int
	dead  bool
}

var errCut = errors.New("connection cut by the test")

// ConfigOver is for clients of this AWS over the wire, without retries: a process that
// died does not retry.
func (a *AWS) ConfigOver(w *Wire) aws.Config {
	cfg := a.Config()
	cfg.HTTPClient = w
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

// Calls is how many calls came, cut ones included.
func (w *Wire) Calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// Do sends one call.
func (w *Wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.calls++
	cut := w.calls == w.CutAt
	dead := w.dead
	w.dead = w.dead || cut
	w.mu.Unlock()
	if dead || (cut && !w.AfterEffect) {
		return nil, errCut
	}
	call := r.Header.Get("X-Amz-Target")
	if call == "" {
		call = r.Method
	}
	if w.Before != nil {
		w.Before(call)
	}
	if w.Refuse != nil && w.Refuse(call) {
		return nil, errCut
	}
	response, err := connections.Do(r) //nolint:gosec // it goes to the local AWS
	if err == nil && (cut || (w.Lose != nil && w.Lose(call))) {
		_, _ = io.Copy(io.Discard, response.Body)
		return nil, errors.Join(errCut, response.Body.Close())
	}
	if err != nil {
		return nil, err
	}
	// Read whole, so that a later cut cannot touch an answer that came.
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}
