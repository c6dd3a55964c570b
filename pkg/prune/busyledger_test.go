package prune_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Whoever has very many stale states has a run delete no more of them than it has time to mark as reported. The next ones go on, and each
// state is reported once.
func TestARunDeletesNoMoreThanItCanRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		w.most = 20 << 10
		const states = 100
		for i := range states {
			w.put(fmt.Sprintf("branches/dev/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		pruned := map[string]int{}
		for run := range states {
			report, err := w.runOf("branches/**", fmt.Sprint("request ", run), nothing)
			if err != nil || len(report.Pruned) > states*2/3 {
				t.Fatalf("run %d: %d pruned, %v", run, len(report.Pruned), err)
			}
			for _, s := range report.Pruned {
				pruned[string(s.Path)]++
			}
			time.Sleep(time.Hour)
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
	})
}

// One team has more stale states than several runs can record, which come before and between those of others. Each run prunes what others
// have all the same.
func TestRecordsOfOnePrefixKeepNoRunFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		w.most = 40 << 10
		for i := range 220 {
			w.put(fmt.Sprintf("branches/devs/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		for run := range 2 {
			others := []string{"branches/a/x.tfstate", "branches/web/x.tfstate"}
			for _, key := range others {
				w.put(key, local.State(t, "destroyed"))
			}
			time.Sleep(month)
			report, err := w.runOf("branches/**", fmt.Sprint("request ", run), nothing)
			if err != nil || !report.StoppedEarly {
				t.Fatalf("run %d: %d pruned, stopped early: %v, %v", run, len(report.Pruned), report.StoppedEarly, err)
			}
			if w.hasAny(others) {
				t.Errorf("run %d: states of others were not pruned", run)
			}
		}
	})
}
