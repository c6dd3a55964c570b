package prune_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// slowReads is a wire to AWS of whose states it counts the reads.
type slowReads struct {
	*whileOurs
	reads atomic.Int64
}

func (c *slowReads) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("x-id") == "GetObject" && strings.HasSuffix(r.URL.Path, ".tfstate") {
		c.reads.Add(1)
	}
	return c.whileOurs.Do(r)
}

// No run has time for all states, so that each goes on where the one before stopped. A team lets our lock go between two runs: the run that comes to
// its states again leaves them out, although the one between them released all of its own.
func TestALockThatIsLetGoEndsFewRunsWhereSeveralComeToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var err error
	if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
		t.Fatal(err)
	}
	for i := range 34 {
		w.Put(fmt.Sprintf("a-team/branches/%02d", i), local.State(t, "destroyed"))
	}
	for i := range 100 {
		w.Put(fmt.Sprintf("t%03d/branches/x.tfstate", i), local.State(t, "applied"))
	}
	others := []string{"b-team/branches/1.tfstate", "c-team/branches/1.tfstate"}
	for _, key := range others {
		w.Put(key, local.State(t, "destroyed"))
	}
	w.rules.WithoutDigest = true
	if err := server.Age(w.Bucket, "", month); err != nil {
		t.Fatal(err)
	}
	wire := &slowReads{whileOurs: &whileOurs{rows: string(w.Path("a-team/"))}}
	base := time.Duration(0)
	w.now = func() time.Time { return time.Now().Add(base + time.Duration(wire.reads.Load())*12*time.Second) }
	left := 0
	const runs = 6
	for run := range runs {
		wire.mu.Lock()
		wire.on = false
		wire.mu.Unlock()
		ctx, cancel := context.WithTimeout(w.Context(), 15*time.Minute)
		cfg := server.Config()
		cfg.HTTPClient = wire
		if report, err := w.pruner(cfg).Run(ctx, prune.Request{}, fmt.Sprint("run ", run)); err != nil && report.StoppedEarly {
			left++
		}
		cancel()
		base += 7 * 24 * time.Hour
	}
	if left < 2 {
		t.Errorf("%d of %d runs left a lock and had no time for all states", left, runs)
	}
	if there := w.there(others); len(there) > 0 {
		t.Errorf("after %d runs %q are there", runs, there)
	}
}
