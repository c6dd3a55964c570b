package prune_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// whileOurs are transactions of somebody on some rows, from when our lock is on them to the end of the run.
type whileOurs struct {
	rows string // how their LockID begins
	mu   sync.Mutex
	on   bool
}

func (c *whileOurs) fails(input any) error {
	row := writtenRow(input)
	if !strings.HasPrefix(row, c.rows) || strings.HasSuffix(row, "-md5") {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, takes := input.(*dynamodb.PutItemInput); takes {
		c.on = true
	} else if c.on {
		return &types.TransactionConflictException{}
	}
	return nil
}

// run is the next weekly run.
func (c *whileOurs) run(w insideWorld, id string, fails func(input any) error) (prune.Report, error) {
	w.Helper()
	c.mu.Lock()
	c.on = false
	c.mu.Unlock()
	time.Sleep(7 * 24 * time.Hour)
	return w.run(id, fails)
}

// Whoever may write under one prefix has transactions on rows there only while our lock is on them, so that each run could meet one that it
// cannot release, and take no other. After some runs those of everybody else are pruned all the same.
func TestALockThatIsLetGoBetweenRunsDoesNotEndThemAll(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(i int) string{
		"in one folder":                func(i int) string { return fmt.Sprintf("a/branches/%02d", i) },
		"in folders within each other": func(i int) string { return "a/branches/" + strings.Repeat("d/", 12-i) + "x" },
		"in folders of a folder":       func(i int) string { return fmt.Sprintf("a/branches/%d/%d/x", i%3, i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inside(t)
				somebody := &whileOurs{rows: insideBucket + "/a/branches/"}
				var others, stuck []string
				for i := range 12 {
					stuck = append(stuck, state(i))
					others = append(others, fmt.Sprintf("t%d/branches/%02d", i%5, i))
				}
				for _, key := range others {
					w.put(key, local.State(t, "destroyed"))
				}
				failed := 0
				for run := range 4 {
					for _, key := range stuck {
						w.put(key, local.State(t, "destroyed"))
					}
					time.Sleep(month)
					if _, err := somebody.run(w, fmt.Sprint("run ", run), somebody.fails); err != nil {
						failed++
					}
				}
				if failed < 2 || failed > 3 || w.hasAny(others) { // the first leaves out one state, and the second its folder
					t.Errorf("%d of four runs failed; states of others are there: %v", failed, w.hasAny(others))
				}
				for run := range 2 {
					if _, err := somebody.run(w, fmt.Sprint("run after it ", run), nothing); err != nil {
						t.Error(err)
					}
				}
				if rows := w.rows(); w.hasAny(stuck) || len(rows) > 0 {
					t.Errorf("once it is over: states are there: %v, rows: %q", w.hasAny(stuck), rows)
				}
			})
		})
	}
}

// No run has time for all states, so that each goes on where the one before stopped. A team lets our lock go between two runs: the run that comes to
// its states again leaves them out, although the one between them released all of its own.
func TestALockThatIsLetGoEndsFewRunsWhereSeveralComeToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		for i := range 34 {
			w.put(fmt.Sprintf("a-team/branches/%02d", i), local.State(t, "destroyed"))
		}
		for i := range 240 {
			w.put(fmt.Sprintf("t%03d/branches/x.tfstate", i), local.State(t, "applied"))
		}
		others := []string{"b-team/branches/1.tfstate", "c-team/branches/1.tfstate"}
		for _, key := range others {
			w.put(key, local.State(t, "destroyed"))
		}
		time.Sleep(month)
		somebody := &whileOurs{rows: insideBucket + "/a-team/"}
		failed, left := 0, 0
		const runs = 6
		for run := range runs {
			report, err := somebody.run(w, fmt.Sprint("run ", run), func(input any) error {
				if in, reads := input.(*s3.GetObjectInput); reads && strings.HasSuffix(*in.Key, ".tfstate") {
					time.Sleep(100 * time.Second) // of 32 at once: not all in a run
				}
				return somebody.fails(input)
			})
			if err != nil {
				failed++
			}
			if err != nil && report.StoppedEarly {
				left++
			}
		}
		if left == 0 || failed > runs*2/3 {
			t.Errorf("%d of %d runs left a lock, and %d of them had no time for all states", failed, runs, left)
		}
		if w.hasAny(others) {
			t.Errorf("after %d runs states of others are there", runs)
		}
	})
}

// Where a lock was let go, the next prune takes none, also where one with PruneMode=report came between them.
func TestAReportForgetsNoLockThatWasLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		somebody := &whileOurs{rows: insideBucket + "/a/"}
		for run, fails := range []bool{true, false, false, true} {
			w.put("a/branches/x.tfstate", local.State(t, "destroyed"))
			time.Sleep(month)
			w.reports = run == 1
			if _, err := somebody.run(w, fmt.Sprint("run ", run), somebody.fails); (err != nil) != fails {
				t.Errorf("run %d: %v", run, err)
			}
		}
	})
}
