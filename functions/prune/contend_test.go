package main_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// Real clients that make and destroy infrastructure while prunes run without a pause, on
// states that count as stale at once: a client is refused by our lock or wins it, and
// never meets a broken state.
func TestRealClientsNeverMeetABrokenState(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"PruneAfterDays": "0"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	invoke[prune.Report](t, stack, "{}") // built, so that prunes are fast enough to meet the clients
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var met atomic.Bool // a prune has met a client's lock
	const cycles = 4
	failures := make(chan string, 2*len(clients))
	var working sync.WaitGroup
	for i := range 2 * len(clients) {
		key := fmt.Sprintf("branches/%d/terraform.tfstate", i)
		w, err := stack.Workspace(ctx, clients[i%len(clients)], t.TempDir(), key, []local.Mode{local.ByBoth, local.ByTable}[i/len(clients)])
		if err != nil {
			t.Fatal(err)
		}
		working.Go(func() {
			for n := 0; (n < cycles || !met.Load()) && ctx.Err() == nil; n++ {
				for _, what := range []string{"apply", "destroy"} {
					out, err := w.Run(ctx, what, "-auto-approve", "-lock-timeout=60s")
					// A client gives up although it has time when the lock that it met is gone
					// before it could read whose it was. That takes nobody's lock.
					for err != nil && strings.Contains(out, "Error acquiring the state lock") && ctx.Err() == nil {
						out, err = w.Run(ctx, what, "-auto-approve", "-lock-timeout=60s")
					}
					if err != nil || strings.Contains(out, "releasing the state lock") {
						failures <- fmt.Sprintf("%s %d of client %d: %v\n%s", what, n, i, err, out)
						return
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	pruned, kept := 0, map[policy.KeptReason]int{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			report, result := invoke[prune.Report](t, stack, "{}")
			if result.Failed || len(report.Errors) > 0 {
				t.Errorf("%s\n%s", result.Payload, result.Log)
			}
			pruned += len(report.Pruned)
			for _, s := range report.Kept {
				kept[s.Reason]++
				met.Store(met.Load() || s.Reason == policy.KeptLocked)
			}
		}
	}
	close(failures)
	for failure := range failures {
		t.Error(failure)
	}
	if pruned == 0 || kept[policy.KeptLocked] == 0 || kept[policy.KeptHasResources] == 0 {
		t.Errorf("pruned %d, kept %v: the prunes and the clients did not meet", pruned, kept)
	}
	t.Logf("pruned %d, kept %v", pruned, kept)
}
