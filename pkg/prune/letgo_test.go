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

// Whoever may write under one prefix has transactions on rows there only while our lock is on them, so that each run could meet one that it
// cannot release, and take no other. After some runs those of everybody else are pruned all the same.
func TestALockThatIsLetGoBetweenRunsDoesNotEndThemAll(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prefix string
		state  func(i int) string
	}{
		"in one folder":                {"branches/a/", func(i int) string { return fmt.Sprintf("branches/a/%02d", i) }},
		"in folders within each other": {"branches/a/", func(i int) string { return "branches/a/" + strings.Repeat("d/", 12-i) + "x" }},
		"in folders of a folder":       {"branches/a/", func(i int) string { return fmt.Sprintf("branches/a/%d/%d/x", i%3, i) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			wire := &whileOurs{rows: string(w.Path(tc.prefix))}
			var others, stuck []string
			for i := range 12 {
				stuck = append(stuck, tc.state(i))
				others = append(others, fmt.Sprintf("branches/t%d/%02d", i%5, i))
			}
			for _, key := range append(stuck, others...) {
				w.stale(key, local.State(t, "destroyed"))
			}
			failed := 0
			for range 4 {
				if wire.run(w) != nil {
					failed++
				}
			}
			if there := w.there(others); failed < 2 || len(there) > 0 {
				t.Errorf("%d of four runs failed, and %q were not pruned", failed, there)
			}
			wire.rows = "-"
			for range 2 {
				if err := wire.run(w); err != nil {
					t.Error(err)
				}
			}
			if len(w.there(stuck)) > 0 || len(w.held()) > 0 {
				t.Errorf("once it is over: there %q, held %q", w.there(stuck), w.held())
			}
		})
	}
}

// run is the next weekly run.
func (c *whileOurs) run(w *world) error {
	c.mu.Lock()
	c.on = false
	c.mu.Unlock()
	w.later(7 * 24 * time.Hour)
	_, err := w.prunerOver(c).Run(w.Context(), prune.Request{}, fmt.Sprint("run at ", w.now()))
	return err
}
