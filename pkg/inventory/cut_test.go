package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A run whose time is up says what is left, and writes a report of what it has; the next one
// reads the rest and nothing else.
func TestARunWhoseTimeIsUpGoesOn(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	const n = 60
	for i := range n {
		w.apply(fmt.Sprintf("team/%02d.tfstate", i), stateOf(1, fmt.Sprint(i)))
	}
	var clock sync.Mutex
	now := time.Now()
	w.now = func() time.Time { clock.Lock(); defer clock.Unlock(); return now }
	g.reading = func() { clock.Lock(); defer clock.Unlock(); now = now.Add(time.Minute) } // a slow store
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	read := map[tflock.Path]int{}
	first, last := 0, inventory.Report{}
	for run := 1; run <= 6 && len(read) < n; run++ {
		report, err := w.inventory(g.config()).Run(ctx, inventory.Request{})
		if err != nil {
			t.Fatal(err)
		}
		for path, times := range g.taken() {
			read[path] += times
		}
		if first == 0 {
			first = report.Read
			if first == 0 || first == n || !strings.Contains(fmt.Sprint(report.Errors), fmt.Sprintf("%d changed states were not read", n-first)) {
				t.Errorf("the first run: %+v", report)
			}
			if rows := w.rows(); len(rows) != n {
				t.Errorf("the report has %d rows", len(rows))
			}
		}
		last = report
	}
	if last.States != n || len(last.Errors) != 0 || len(read) != n {
		t.Errorf("after all runs: %+v, %d read", last, len(read))
	}
	for path, times := range read {
		if times != 1 {
			t.Errorf("%s was read %d times", path, times)
		}
		if row := w.rows()[string(path)]; row["serial"] != 1.0 || row["digest"] != "ok" {
			t.Errorf("%v", row)
		}
	}
}

// over is an inventory of which every call goes over that wire.
func (w *world) over(wire *local.Wire) *inventory.Inventory {
	w.Helper()
	cfg := server.ConfigOver(wire)
	i := w.inventory(cfg)
	i.Files, i.Topic, i.Meter = backend.NewFiles(cfg, w.reports), alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), metric.NewPublisher(cfg, "Test")
	return i
}

// A run that is killed while it reads, for minutes already, has kept most of what it read: the next one
// does not read all of it again.
func TestARunThatIsKilledWhileItReadsIsNotInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 60
	for i := range n {
		w.apply(fmt.Sprintf("team/%02d.tfstate", i), stateOf(1, fmt.Sprint(i)))
	}
	var clock sync.Mutex
	now := time.Now()
	w.now = func() time.Time { clock.Lock(); defer clock.Unlock(); return now }
	wire := &local.Wire{CutAt: 50, Before: func(string) { clock.Lock(); defer clock.Unlock(); now = now.Add(10 * time.Second) }} // a slow store
	if _, err := w.over(wire).Run(t.Context(), inventory.Request{}); err == nil {
		t.Fatal("it was killed, and succeeds")
	}
	report := w.run()
	if report.States != n || report.Read == 0 || report.Read > n-10 {
		t.Errorf("of %d states the next run reads %d: %v", report.States, report.Read, report.Errors)
	}
}

// A run that is killed at whatever call loses no finding: the next one reports it, once or,
// where nobody can know whether it was sent, twice. What was saved is not read again.
func TestARunThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	for cut, died := 1, true; died; cut += 2 {
		for _, after := range []bool{false, true} {
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.run()
			w.put(key, stateOf(1, "two"))
			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			_, _ = w.over(wire).Run(context.Background(), inventory.Request{})
			died = wire.Calls() >= cut
			if found := w.found(w.run()); !slices.Contains(found, "digest_mismatch of "+key) {
				t.Errorf("after a death at call %d: %q", cut, found)
			}
			heard := strings.Join(w.news(), ", ")
			for _, want := range []string{"digest_mismatch of " + key, "lineage_changed of " + key} {
				if n := strings.Count(heard, "state.finding warning "+want); n < 1 || n > 2 {
					t.Errorf("after a death at call %d (%v) people heard %d times of %s: %s", cut, after, n, want, heard)
				}
			}
			if strings.Contains(heard, "resolved") {
				t.Errorf("after a death at call %d: %s", cut, heard)
			}
		}
		if cut > 60 {
			t.Fatal("a run makes more than 60 calls")
		}
	}
}

// Two runs at once: one of them notifies people, and the other says why it stopped.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(1, "one"))
	w.put(key, stateOf(2, "one"))
	var other inventory.Report
	w.waiting = func() {
		w.waiting = func() {}
		other = w.run()
	}
	if _, err := w.inventory(server.Config()).Run(context.Background(), inventory.Request{}); err == nil || !strings.Contains(err.Error(), "another inventory") {
		t.Errorf("%v", err)
	}
	w.want("the other", w.found(other), "digest_mismatch of "+key)
	w.want("people", w.news(), "state.finding warning digest_mismatch of "+key)
}
