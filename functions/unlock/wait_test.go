package main_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A client that waits with -lock-timeout stamps its lock before it waits. Whatever scans
// happened while it did, its lock is refused as soon as it has it: nothing proves that it
// is old. The intervals of ScanEvery are played with a second for each minute. Where only rows are locked the
// monitor pauses while the client waits: no scan bounds the age that the row claims.
func TestALockThatAClientWaitedForIsRefused(t *testing.T) {
	server := local.StartForTest(t)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	intervals := []string{"1 minute", "5 minutes", "10 minutes", "15 minutes", "30 minutes", "1 hour"}
	// Each client has a stack of its own, so that no scan of another one bounds the age of its lock.
	stacks, failed := make([]*local.Stack, 2*len(intervals)), make([]error, 2*len(intervals))
	var deploys sync.WaitGroup
	for i := range stacks {
		deploys.Go(func() {
			stacks[i], failed[i] = server.Deploy(t.Context(), fmt.Sprintf("every%d", i), map[string]string{"ReleaseGuard": "8s", "ScanEvery": intervals[i/2]})
		})
	}
	deploys.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	for i, every := range intervals {
		for k, client := range clients[:2] {
			stack := stacks[2*i+k]
			mode := []local.Mode{local.ByTable, local.ByBoth}[(i+k)%2]
			t.Run(fmt.Sprintf("%s, %s, a scan every %s", client.Name, mode, every), func(t *testing.T) {
				t.Parallel()
				w := &waiting{T: t, stack: stack, key: client.Name + "/terraform.tfstate"}
				run := w.take(client, mode, scaled(every), mode == local.ByTable)
				defer run.Kill() //nolint:errcheck // it may have ended
				id := w.holder()
				for _, when := range []string{"at once", "after one scan"} {
					a := invoke(t, stack, id)
					if a.Outcome != unlock.Refused || len(a.Released) != 0 || strings.Contains(fmt.Sprint(a), "clock is wrong") {
						t.Errorf("%s: %+v", when, a)
					}
					if now := w.holder(); now != id {
						t.Fatalf("%s: the lock is %q", when, now)
					}
					if err := stack.Scan(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// scaled returns a second for each minute.
func scaled(every string) time.Duration {
	var n int
	var unit string
	if _, err := fmt.Sscan(every, &n, &unit); err != nil {
		panic(err)
	}
	if strings.HasPrefix(unit, "hour") {
		n *= 60
	}
	return time.Duration(n) * time.Second
}

// waiting is a state for which one client waits while another holds it.
type waiting struct {
	*testing.T
	stack *local.Stack
	key   string
}

// take lets a client wait, and repeats that where the row went in the moment between the client's
// PutItem and its GetItem: clients take no row for a broken lock then, each in its words, and wait no longer.
func (w *waiting) take(client local.Client, mode local.Mode, every time.Duration, pauses bool) *local.Run {
	w.Helper()
	for range 3 {
		run, err := w.wait(client, mode, every, pauses)
		if err == nil {
			return run
		}
		if said := err.Error(); !strings.Contains(said, "unexpected end of JSON input") && !strings.Contains(said, "no lock info found for") {
			w.Fatal(err)
		}
	}
	w.Fatal("the row went three times in the moment in which the client looked for its holder")
	return nil
}

// wait lets a client wait until the row of a dead one goes, which is longer than the
// guard, while scans go on, or pause after the first one. It returns as soon as the client has the lock.
func (w *waiting) wait(client local.Client, mode local.Mode, every time.Duration, pauses bool) (*local.Run, error) {
	w.Helper()
	if _, err := w.stack.Leave(w.Context(), client, w.TempDir(), w.key, local.ByTable); err != nil {
		w.Fatal(err)
	}
	first := w.holder()
	space, err := w.stack.Workspace(w.Context(), client, w.TempDir(), w.key, mode)
	if err != nil {
		w.Fatal(err)
	}
	ctx, over := context.WithCancel(w.Context())
	go func() {
		for ctx.Err() == nil {
			if err := w.stack.Scan(ctx); err != nil && ctx.Err() == nil {
				w.Error(err)
			}
			if pauses {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	}()
	defer over()
	time.AfterFunc(12*time.Second, func() {
		for _, s := range w.stores() {
			h, there, err := s.Find(context.Background(), tflock.Path(w.path()))
			if err == nil && there && h.Info.ID == first {
				err = s.Release(context.Background(), h)
			}
			if err != nil && !errors.Is(err, backend.ErrGone) {
				w.Error(err)
			}
		}
	})
	return space.Hold(w.Context(), append([]string{"-lock-timeout=120s"}, local.TenMinutes...), func() bool {
		// Waiting for the table, a client takes and drops its object again and again.
		held := 0
		for _, s := range w.stores() {
			if h, there, err := s.Find(w.Context(), tflock.Path(w.path())); err == nil && there && h.Info.ID != first {
				held++
			}
		}
		return held == map[local.Mode]int{local.ByTable: 1, local.ByBoth: 2}[mode]
	})
}

func (w *waiting) path() string { return w.stack.Outputs["StateBucketName"] + "/" + w.key }

func (w *waiting) stores() []backend.Store {
	w.Helper()
	tables, buckets := w.stack.Watched()
	set, err := backend.Open(w.stack.AWS().Config(), tables[:1], buckets[:1]) // the stack's own come first
	if err != nil {
		w.Fatal(err)
	}
	return set.All()
}

// holder is the ID of the lock that is there.
func (w *waiting) holder() string {
	w.Helper()
	var holdings []tflock.Holding
	for _, s := range w.stores() {
		h, there, err := s.Find(w.Context(), tflock.Path(w.path()))
		if err != nil {
			w.Fatal(err)
		}
		if there {
			holdings = append(holdings, h)
		}
	}
	locks := tflock.Merge(holdings)
	if len(locks) != 1 {
		w.Fatalf("%d locks", len(locks))
	}
	return locks[0].ID
}
