package prune_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// whileOurs is the wire to a DynamoDB in which somebody begins transactions on some rows once our lock is there, and ends them after the run.
type whileOurs struct {
	local.Wire
	rows string // how their LockID begins
	mu   sync.Mutex
	on   bool
}

func (c *whileOurs) Do(r *http.Request) (*http.Response, error) {
	target := r.Header.Get("X-Amz-Target")
	if strings.HasSuffix(target, ".DeleteItem") || strings.HasSuffix(target, ".PutItem") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(`"LockID":{"S":"`+c.rows)) && !bytes.Contains(body, []byte(`-md5"`)) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if strings.HasSuffix(target, ".PutItem") {
				c.on = true
			} else if c.on {
				return &http.Response{
					StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
					Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`)),
				}, nil
			}
		}
	}
	return c.Wire.Do(r)
}

// Whoever may write under one prefix lets a lock of ours go between two runs alone. The run that could not release it takes no other; the next
// one takes those of everybody else first.
func TestALockThatIsLetGoBetweenRunsEndsNoRunBeforeOthersHadTheirTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire := &whileOurs{rows: string(w.Path("branches/a/"))}
	var others, stuck []string
	for i := range 40 {
		stuck = append(stuck, fmt.Sprintf("branches/a/%02d", i))
	}
	for i := range 20 {
		others = append(others, fmt.Sprintf("branches/t%d/%02d", i%5, i))
	}
	for _, key := range append(stuck, others...) {
		w.stale(key, local.State(t, "destroyed"))
	}
	run := func() error {
		wire.mu.Lock()
		wire.on = false
		wire.mu.Unlock()
		w.later(7 * 24 * time.Hour)
		_, err := w.prunerOver(wire).Run(w.Context(), prune.Request{}, fmt.Sprint("run at ", w.now()))
		return err
	}
	if err := run(); err == nil {
		t.Fatal("no lock was left")
	}
	if err, there := run(), w.there(others); err == nil || len(there) > 0 {
		t.Errorf("%q were not pruned in the next run: %v", there, err)
	}
	wire.rows = "-"
	if err := run(); err != nil || len(w.there(stuck)) > 0 || len(w.held()) > 0 {
		t.Errorf("once it is over: %v; there %q, held %q", err, w.there(stuck), w.held())
	}
}

// The same where the states of several teams are in one folder.
func TestALockThatIsLetGoBetweenRunsComesLastInItsOwnFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire := &whileOurs{rows: string(w.Path("branches/a-"))}
	var others []string
	for i := range 10 {
		others = append(others, fmt.Sprintf("branches/t%d-%02d", i%5, i))
	}
	for _, key := range append([]string{"branches/a-0"}, others...) {
		w.stale(key, local.State(t, "destroyed"))
	}
	for range 2 {
		wire.mu.Lock()
		wire.on = false
		wire.mu.Unlock()
		w.later(7 * 24 * time.Hour)
		_, _ = w.prunerOver(wire).Run(w.Context(), prune.Request{}, fmt.Sprint("run at ", w.now())) // a lock may be left
	}
	if there := w.there(others); len(there) > 0 {
		t.Errorf("%q were not pruned", there)
	}
}
