package prune_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// loses lets one call have its effect and loses the answer, and fails those that follow.
type loses struct {
	wire  *local.Wire
	at, n int // the call, and how many after it fail

	mu    sync.Mutex
	calls int
}

func (l *loses) Do(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.calls++
	number := l.calls
	l.mu.Unlock()
	if number > l.at && number <= l.at+l.n {
		return nil, fmt.Errorf("call %d fails", number)
	}
	response, err := l.wire.Do(r)
	if number == l.at && err == nil {
		_ = response.Body.Close()
		return nil, fmt.Errorf("the answer to call %d is lost", number)
	}
	return response, err
}

// An answer is lost and the looks that follow fail too: nobody knows what happened. The
// run says that something is left or asks for a repeat, no client meets a broken state, and
// a later run brings it to its end.
func TestALostAnswerFollowedByFailedReads(t *testing.T) {
	for variant, failing := range []int{1, 2, 4} {
		for at := range local.Calls(variant) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			client := &loses{wire: &local.Wire{}, at: at, n: failing}
			report, err := w.prunerOver(client).Run(t.Context(), prune.Request{}, "request")
			w.Readable(key)
			if left := w.held(); len(left) > 0 && err == nil {
				t.Errorf("call %d, %d more: left %v and reported success: %+v", at, failing, left, report)
			}
			w.later(time.Hour)
			w.prune()
			if w.Readable(key) || len(w.held()) > 0 || len(w.Published()) == 0 {
				t.Errorf("call %d, %d more: a later run left %v, notified %d", at, failing, w.held(), len(w.Published()))
			}
			if client.calls < at {
				break
			}
		}
	}
}
