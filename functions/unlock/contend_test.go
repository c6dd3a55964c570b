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
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// While real clients contend for one state, releases of their former locks are fired
// at it. None of those may take the lock of the client that is at work: each apply
// ends well, and unlocks what is its own.
func TestRealClientsContendWhileUnlocksAreFired(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"ReleaseGuard": "1ms"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	const key, applies = "contended/terraform.tfstate", 6
	first, err := stack.Leave(t.Context(), clients[0], t.TempDir(), key, local.ByBoth)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := first.Run(t.Context(), "plan")
	if err == nil {
		t.Fatal("the lock does not hold")
	}
	if a := invoke(t, stack, printed); a.Outcome != unlock.Released { // from here on that ID is dead
		t.Fatalf("got %+v", a)
	}

	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	var working sync.WaitGroup
	var met atomic.Bool // a release came while another client held its lock
	failures := make(chan string, len(clients)*2)
	for i := range 2 * len(clients) {
		w, err := stack.Workspace(ctx, clients[i%len(clients)], t.TempDir(), key, local.ByBoth)
		if err != nil {
			t.Fatal(err)
		}
		working.Go(func() {
			for n := 0; (n < applies || !met.Load()) && ctx.Err() == nil; n++ {
				out, err := w.Run(ctx, "apply", "-auto-approve", "-lock-timeout=120s")
				// A client gives up although it has time when the lock that it met is
				// gone before it could read whose it was. That takes nobody's lock.
				for err != nil && strings.Contains(out, "Error acquiring the state lock") && ctx.Err() == nil {
					out, err = w.Run(ctx, "apply", "-auto-approve", "-lock-timeout=120s")
				}
				if err != nil || strings.Contains(out, "releasing the state lock") {
					failures <- fmt.Sprintf("apply %d of client %d: %v\n%s", n, i, err, out)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	outcomes := map[unlock.Outcome]int{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			outcome := invoke(t, stack, printed).Outcome
			outcomes[outcome]++
			met.Store(met.Load() || outcome == unlock.Changed)
		}
	}
	close(failures)
	for failure := range failures {
		t.Error(failure)
	}
	if outcomes[unlock.Changed] == 0 || outcomes[unlock.Released]+outcomes[unlock.Partial] > 0 {
		t.Errorf("outcomes of the releases that were fired: %v", outcomes)
	}
}
