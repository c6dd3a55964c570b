package monitor_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	day    = 24 * time.Hour
	monday = 62 * time.Hour // from Friday evening to Monday morning
)

var (
	throttled = &scan.Failure{Problem: "throttled beyond all retries", Passing: true}
	missing   = &scan.Failure{Problem: "it does not exist"}
)

// hold is one lock over its life, counted from the simulation's start.
type hold struct {
	path           string
	taken, dropped time.Duration
}

func (h hold) holding() tflock.Holding {
	path := "states/" + h.path
	return tflock.Holding{Kind: tflock.DynamoDB, Store: simTable, Path: tflock.Path(path), Info: tflock.Info{
		ID: "id-" + h.path + h.taken.String(), Path: path, Operation: "OperationTypeApply", Who: "runner@ci", Version: "1.11.4", Created: simStart.Add(h.taken),
	}}
}

var simStart = time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC) // a Friday evening

// scene is a month, or what there is to see of it.
type scene struct {
	name    string
	days    float64
	most    int // messages
	holds   []hold
	foreign func(since time.Duration) []tflock.Holding
	fails   func(since time.Duration, random *rand.Rand) *scan.Failure // of the table
	check   func(s *simulation)
}

func (sc scene) holdings(since time.Duration) []tflock.Holding {
	var all []tflock.Holding
	for _, h := range sc.holds {
		if h.taken <= since && since < h.dropped {
			all = append(all, h.holding())
		}
	}
	if sc.foreign != nil {
		all = append(all, sc.foreign(since)...)
	}
	return all
}

// spread takes n locks one after the other, and drops each at its time.
func spread(n int, apart time.Duration, dropped func(i int) time.Duration) []hold {
	holds := make([]hold, n)
	for i := range holds {
		holds[i] = hold{fmt.Sprintf("team-%02d/terraform.tfstate", i), time.Duration(i) * apart, dropped(i)}
	}
	return holds
}

func at(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// random is a month of a busy account: 40 runs a day, of which one in 50 leaves its lock
// behind until somebody comes.
func random() []hold {
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same month every time
	var holds []hold
	for i := range 40 * 30 {
		taken := time.Duration(r.Int64N(int64(30 * day)))
		lasts := time.Duration(1+r.IntN(20)) * time.Minute
		if i%50 == 0 {
			lasts = time.Duration(1+r.IntN(30)) * time.Hour
		}
		holds = append(holds, hold{fmt.Sprintf("team-%02d/app-%d/terraform.tfstate", i%12, i), taken, taken + lasts})
	}
	return holds
}

func foreignRow(path string) tflock.Holding {
	return tflock.Holding{Kind: tflock.DynamoDB, Store: simTable, Path: tflock.Path(path), Err: tflock.ErrForeign}
}

func during(from, to time.Duration, f *scan.Failure) func(time.Duration, *rand.Rand) *scan.Failure {
	return func(since time.Duration, _ *rand.Rand) *scan.Failure {
		if from <= since && since < to {
			return f
		}
		return nil
	}
}

var scenes = []scene{
	{name: "30 locks over a weekend, stuck within five hours; one fix on Monday", days: 3, most: 45, holds: spread(30, 10*time.Minute, at(monday))},
	{name: "the same, each left in a scan of its own within a minute of another", days: 3, most: 45, holds: spread(30, time.Minute, at(monday))},
	{name: "the same, stuck one by one over the whole weekend", days: 3, most: 60, holds: spread(30, 2*time.Hour, at(monday))},
	{name: "30 locks stuck at once, released at once", days: 3, most: 10, holds: spread(30, 0, at(monday))},
	{name: "30 locks within five hours, released one by one on Monday", days: 3, most: 75, holds: spread(30, 10*time.Minute, func(i int) time.Duration { return monday + time.Duration(i)*10*time.Minute })},
	{name: "one lock held for 100 days", days: 101, most: 110, holds: spread(1, 0, at(100*day))},
	{name: "a month of 1,200 runs, of which 24 leave a lock for up to 30 hours", days: 31, most: 24 * 6, holds: random()},
	{name: "a table that is throttled in one scan of six", days: 30, most: 0, fails: func(since time.Duration, _ *rand.Rand) *scan.Failure {
		if since/(5*time.Minute)%6 == 5 {
			return throttled
		}
		return nil
	}},
	{name: "a table that is throttled in any tenth scan", days: 30, most: 40, fails: func(_ time.Duration, random *rand.Rand) *scan.Failure {
		if random.IntN(10) == 0 {
			return throttled
		}
		return nil
	}},
	{name: "a table that is missing for three days", days: 30, most: 10, fails: during(5*day, 8*day, missing)},
	{name: "a table that cannot be read for 40 days, while a lock in it is held", days: 45, most: 60, holds: spread(1, 0, at(44*day)), fails: during(day, 41*day, missing), check: onlyOnceStuck},
	{name: "300 fake locks beside one of production", days: 2, most: 10, holds: flood(300), check: productionListed},
	{name: "another tool's row, rewritten at every scan and gone at night", days: 30, most: 1, foreign: func(since time.Duration) []tflock.Holding {
		if since%day > 12*time.Hour {
			return nil
		}
		return []tflock.Holding{foreignRow("deploy-lock")}
	}},
	{name: "another tool that leaves a row every hour, for three days each", days: 10, most: 11, foreign: func(since time.Duration) []tflock.Holding {
		var rows []tflock.Holding
		for left := max(0, since-3*day) / time.Hour; left < since/time.Hour; left++ {
			rows = append(rows, foreignRow(fmt.Sprintf("job-%d", left)))
		}
		return rows
	}},
	{name: "a lock object that is replaced by another unreadable one at every scan", days: 30, most: 31, foreign: func(since time.Duration) []tflock.Holding {
		return []tflock.Holding{{Kind: tflock.S3, Store: simBucket, Path: "states/a/terraform.tfstate", ETag: fmt.Sprint(since), Modified: simStart.Add(since - time.Minute), Err: tflock.ErrForeign}}
	}},
	{name: "all of it in one month", days: 31, most: 300, holds: slices.Concat(random(), spread(30, 10*time.Minute, at(monday)), flood(300)), fails: everything, foreign: func(since time.Duration) []tflock.Holding {
		return []tflock.Holding{foreignRow("deploy-lock"), foreignRow(fmt.Sprintf("job-%d", since/time.Hour))}
	}},
}

func everything(since time.Duration, random *rand.Rand) *scan.Failure {
	switch {
	case 20*day <= since && since < 22*day:
		return missing
	case random.IntN(10) == 0:
		return throttled
	default:
		return nil
	}
}

// flood is fake locks for two days, and one of production among them.
func flood(n int) []hold {
	holds := []hold{{"production/terraform.tfstate", 10 * time.Minute, 40 * time.Hour}}
	for i := range n {
		holds = append(holds, hold{fmt.Sprintf("sandbox/%d/terraform.tfstate", i), 0, 40 * time.Hour})
	}
	return holds
}

func onlyOnceStuck(s *simulation) {
	if n := s.tally()[alert.LockStuck]; n != 1 {
		s.Errorf("the lock was announced as new %d times", n)
	}
	if n := s.tally()[alert.LockResolved]; n != 1 {
		s.Errorf("resolved %d times", n)
	}
}

// productionListed wants production's lock among those that each message lists, or in one
// of its own.
func productionListed(s *simulation) {
	const path = "states/production/terraform.tfstate"
	for _, e := range s.events {
		if len(e.Locks) > 0 && len(e.Locks)+e.Omitted > 300 && !slices.ContainsFunc(e.Locks[:20], func(f alert.Item) bool { return f.Path == path }) {
			s.Errorf("%s of %d locks does not list production's", e.Type, len(e.Locks)+e.Omitted)
		}
	}
}
