package prune_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// readers is the wire to an S3. It remembers which states were read, and how often any was.
type readers struct {
	local.Wire

	mu  sync.Mutex
	n   int
	own map[string]bool
}

func (r *readers) Do(q *http.Request) (*http.Response, error) {
	if q.URL.Query().Get("x-id") == "GetObject" && strings.HasSuffix(q.URL.Path, ".tfstate") {
		r.mu.Lock()
		r.n++
		r.own[q.URL.Path] = true
		r.mu.Unlock()
	}
	return r.Wire.Do(q)
}

// Some teams have many abandoned states each, and a run has not time for all of them: each is examined in one of the next runs.
func TestTheRestOfEachFolderHasItsTurnInSomeRun(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
		t.Fatal(err)
	}
	const teams, states = 6, 80
	for i := range teams * states {
		w.Put(fmt.Sprintf("%d-team/branches/%02d.tfstate", i/states, i%states), local.State(t, "applied"))
	}
	if err := server.Age(w.Bucket, "", month); err != nil {
		t.Fatal(err)
	}
	wire := &readers{own: map[string]bool{}}
	w.now = func() time.Time {
		wire.mu.Lock()
		defer wire.mu.Unlock()
		return time.Now().Add(time.Duration(wire.n) * 2100 * time.Millisecond) // 385 in a run
	}
	cfg := server.Config()
	cfg.HTTPClient = wire
	for run := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		if _, err := w.pruner(cfg).Run(ctx, prune.Request{}, fmt.Sprint("run ", run)); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if len(wire.own) != teams*states {
		t.Errorf("%d of %d states were examined in four runs", len(wire.own), teams*states)
	}
}
