package prune_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// Whoever has very many stale states has a run delete no more of them than it has time to mark as reported. The next ones go on, and each
// state is reported once.
func TestARunDeletesNoMoreThanItCanRecord(t *testing.T) {
	w := newWorld(t)
	const states = 100
	for i := range states {
		w.stale(fmt.Sprintf("branches/dev/%03d.tfstate", i), local.State(t, "destroyed"))
	}
	pruned := map[string]int{}
	for run := range states {
		p := w.pruner(server.Config())
		p.MaxRecorded = 20 << 10
		report, err := p.Run(t.Context(), prune.Request{}, fmt.Sprint("request ", run))
		if err != nil || len(report.Pruned) > states*2/3 {
			t.Fatalf("run %d: %d pruned, %v", run, len(report.Pruned), err)
		}
		for _, s := range report.Pruned {
			pruned[string(s.Path)]++
		}
		w.later(time.Hour)
		if !report.StoppedEarly {
			break
		}
	}
	for path, times := range pruned {
		if times != 1 {
			t.Errorf("%s is reported %d times", path, times)
		}
	}
	if len(pruned) != states {
		t.Errorf("%d of %d were pruned", len(pruned), states)
	}
}

// One team has more stale states than several runs can record, which come before and between those of others. Each run prunes what others
// have all the same.
func TestRecordsOfOnePrefixKeepNoRunFromOthers(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.stale(fmt.Sprintf("branches/devs/%03d.tfstate", i), local.State(t, "destroyed"))
	}
	for run := range 2 {
		others := []string{"branches/a/x.tfstate", "branches/web/x.tfstate"}
		for _, key := range others {
			w.stale(key, local.State(t, "destroyed"))
		}
		p := w.pruner(server.Config())
		p.MaxRecorded = 40 << 10
		report, err := p.Run(t.Context(), prune.Request{}, fmt.Sprint("request ", run))
		if err != nil || report.StoppedEarly != (run == 0) {
			t.Fatalf("run %d: %+v, %v", run, report, err)
		}
		if there := w.there(others); len(there) > 0 {
			t.Errorf("run %d: %q were not pruned", run, there)
		}
		w.later(time.Hour)
	}
}
