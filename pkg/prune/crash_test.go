package prune_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Cut at any call, before or after its effect: what is left is a state that clients can
// read, and at most our own lock. A repeat of the same request clears that and finishes,
// and what went is reported.
func TestACrashLeavesAReadableState(t *testing.T) {
	for variant, after := range []bool{false, true} {
		for cut := range local.Calls(variant) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			_, _ = w.run(wire, prune.Request{}, "request") // dies
			w.Readable(key)
			for _, lock := range w.held() {
				if !strings.HasSuffix(lock, key+" lockwarden-prune@lambda") {
					t.Errorf("cut %d (%v): left %v", cut, after, lock)
				}
			}
			w.later(time.Minute) // Lambda waits that long
			report := w.prune()
			if w.Readable(key) || len(w.held()) > 0 || len(report.Errors) > 0 {
				t.Errorf("cut %d (%v): the repeat left %v, %+v", cut, after, w.held(), report)
			}
			notified := w.Published()
			if len(notified) == 0 || len(notified) > 2 || !strings.Contains(notified[len(notified)-1].Texts["email"], key) {
				t.Errorf("cut %d (%v): notified %+v", cut, after, notified)
			}
			w.prune()
			if more := w.Published(); len(more) != len(notified) {
				t.Errorf("cut %d (%v): notified again: %d messages after %d", cut, after, len(more), len(notified))
			}
			if wire.Calls() < cut {
				if cut < 15 {
					t.Errorf("a prune made only %d calls", wire.Calls())
				}
				break
			}
		}
	}
}

// Each call fails by itself, and the run goes on: nothing is lost, and the next run heals.
func TestAFailedCallHeals(t *testing.T) {
	for fail := range local.Calls(0) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		var calls atomic.Int64
		madeGood := false // digests that cannot be read all at once are read one by one
		wire := &local.Wire{Refuse: func(call string) bool {
			refuse := calls.Add(1) == int64(fail)
			madeGood = madeGood || (refuse && call == "DynamoDB_20120810.BatchGetItem")
			return refuse
		}}
		report, err := w.run(wire, prune.Request{}, "request")
		w.Readable(key)
		if locks := w.held(); len(locks) > 0 && err == nil {
			t.Errorf("call %d: left %v and did not ask for a repeat: %+v", fail, locks, report)
		}
		if calls.Load() < int64(fail) {
			break
		}
		if done := len(report.Pruned) == 1 && !w.Readable(key) && len(w.held()) == 0; err == nil && len(report.Errors) == 0 && !done {
			t.Errorf("call %d failed, and the report does not say so: %+v", fail, report)
		}
		if madeGood && (len(report.Pruned) != 1 || w.Readable(key)) {
			t.Errorf("call %d failed and was to be made good: %+v", fail, report)
		}
		w.later(time.Minute)
		w.prune()
		if w.Readable(key) || len(w.held()) > 0 || len(w.Published()) == 0 {
			t.Errorf("call %d: the next run left %v, notified %d", fail, w.held(), len(w.Published()))
		}
	}
}

// Lambda delivers some requests twice, even at once: nothing is lost, and nothing left.
func TestADuplicateAtAnyCall(t *testing.T) {
	for call := range local.Calls(1) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		var calls atomic.Int64
		wire := &local.Wire{Before: func(string) {
			if calls.Add(1) != int64(call) {
				return
			}
			before := w.held()
			if report, err := w.run(&local.Wire{}, prune.Request{}, "request"); err != nil || len(report.Errors) > 0 {
				t.Errorf("before call %d: the second: %+v, %v", call, report, err)
			}
			w.Readable(key)
			// A client could take a lock that the second cleared, and have its state deleted.
			if after := w.held(); calls.Load() == int64(call) && len(before) > 0 && !slices.Equal(before, after) {
				t.Errorf("before call %d: the first held %v, then %v", call, before, after)
			}
		}}
		if report, err := w.run(wire, prune.Request{}, "request"); err != nil || len(report.Errors) > 0 {
			t.Errorf("before call %d: %+v, %v", call, report, err)
		}
		if w.Readable(key) || len(w.held()) > 0 || len(w.Published()) == 0 {
			t.Errorf("before call %d: left %v, notified %d", call, w.held(), len(w.Published()))
		}
		if calls.Load() < int64(call) {
			break
		}
	}
}

// A lock of ours that somebody took away keeps the state.
func TestOurLockIsTakenAway(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	var once sync.Once
	wire := &local.Wire{Before: func(call string) {
		h, found, err := w.Set.Buckets[0].Find(context.Background(), w.Path(key))
		if call == "GET" && err == nil && found {
			once.Do(func() {
				if err := w.Set.Buckets[0].Release(context.Background(), h); err != nil {
					t.Error(err)
				}
			})
		}
	}}
	report, err := w.run(wire, prune.Request{}, "request")
	if err != nil || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !w.Readable(key) || len(w.held()) > 0 {
		t.Errorf("%+v, %v, held %v", report, err, w.held())
	}
}

// Our lock is what a client's own marshalling gives, so that both clients show it and
// OpenTofu, which deletes on condition of the re-marshalled struct, can unlock it.
func TestOurLockReadsLikeAClients(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	seen := map[tflock.Kind]string{}
	wire := &local.Wire{Before: func(string) {
		for _, s := range w.Set.All() {
			if h, ok, err := s.Find(context.Background(), w.Path(key)); err == nil && ok {
				seen[h.Kind] = h.Raw
			}
		}
	}}
	if _, err := w.run(wire, prune.Request{}, "request-7"); err != nil {
		t.Fatal(err)
	}
	info, err := tflock.ParseInfo([]byte(seen[tflock.S3]))
	if err != nil || seen[tflock.S3] != seen[tflock.DynamoDB] {
		t.Fatalf("%v, %q", err, seen)
	}
	again, err := info.Marshal()
	if err != nil || string(again) != seen[tflock.S3] || len(info.ID) != 36 || info.Path != string(w.Path(key)) || !strings.Contains(info.Info, "request-7") {
		t.Errorf("%v: %s\n%s", err, again, seen[tflock.S3])
	}
}

// A run that has no time left stops, says so, and the next ones go on where it stopped.
func TestItStopsInTimeAndGoesOn(t *testing.T) {
	w := newWorld(t)
	const states = 12
	for i := range states {
		w.stale(fmt.Sprintf("branches/%02d/terraform.tfstate", i), local.State(t, "outputs-only"))
	}
	w.stale("env:/x/branches/terraform.tfstate", local.State(t, "outputs-only"))
	var all []string
	for runs := 1; ; runs++ {
		start := time.Now()
		var asked atomic.Int64
		w.now = func() time.Time { return start.Add(time.Duration(asked.Add(1)) * 3 * time.Second) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		report, err := w.pruner(server.Config()).Run(ctx, prune.Request{}, "r")
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fates(report)...)
		if !report.StoppedEarly {
			if runs < 2 {
				t.Error("it did not stop")
			}
			break
		}
		if runs > states {
			t.Fatal("it does not go on")
		}
	}
	if slices.Sort(all); len(slices.Compact(all)) != states+1 || len(all) != states+1 {
		t.Errorf("examined %d: %q", len(all), all)
	}
	w.now = time.Now
	if report := w.prune(); report.Examined != states+1 {
		t.Errorf("the run after the last starts again: %+v", report)
	}
}
