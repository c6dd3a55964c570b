package monitor

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// runsTime is how long the questions about runs may take in one scan.
const runsTime = 10 * time.Second

// knownRuns is what is known of the CI runs behind the locks of a scan. It is nil where
// nobody asks. Where nobody could, nothing is selected.
type knownRuns struct {
	auto      policy.AutoRules
	memory    ledger.AutoMemory
	earlier   ledger.AutoMemory // as it was before this scan read anything
	forgotten error             // why the memory is not known
	asked     []*evidence.Question
}

// selected reports whether the lock may be released automatically.
func (k *knownRuns) selected(c *policy.Case) bool {
	return k.auto.Locks.Matches(string(c.Path), c.Info.Operation)
}

// plans is what was planned before a scan.
type plans struct {
	memory  ledger.AutoMemory
	unknown error
}

// plansBefore reads what earlier scans planned, before this one reads any lock: what is
// there now cannot be of a scan that runs beside it, whatever their clocks say.
func (m *Monitor) plansBefore(ctx context.Context) (p plans) {
	if m.Runs == nil {
		return plans{}
	}
	ctx, cancel := context.WithTimeout(ctx, plansTime)
	defer cancel()
	p.memory, p.unknown = m.AutoReleases.Recall(ctx)
	return p
}

// plansTime bounds what is read before a scan: a ledger that hangs must not keep the scan
// from its stores.
const plansTime = 5 * time.Second

// runs asks about the runs behind the stuck locks, and behind those that may be released
// automatically, and adds what it learns to their cases.
func (m *Monitor) runs(ctx context.Context, b budget, found *scan.Scan, earlier plans) *knownRuns {
	if m.Runs == nil {
		return nil
	}
	known := &knownRuns{memory: earlier.memory, earlier: earlier.memory, forgotten: earlier.unknown}
	if !anyReadable(found.Worst) {
		return known // nothing is asked, and no plan is confirmed
	}
	ctx, cancel := context.WithTimeout(ctx, min(runsTime, b.look))
	defer cancel()
	opened, err := m.Runs.Open(ctx)
	if err != nil {
		m.Log.ErrorContext(ctx, "nobody was asked about runs, since their settings could not be read", "error", err)
		return known
	}
	known.auto = opened.Auto
	if known.forgotten == nil {
		known.memory, known.forgotten = m.AutoReleases.Recall(ctx)
	}
	for i := range found.Worst {
		c := &found.Worst[i]
		if c.Verdict != policy.Stuck && (c.Verdict == policy.Unreadable || !known.selected(c)) {
			continue
		}
		q := &evidence.Question{Case: c}
		if bucket := found.Bucket(c.Path); bucket != nil {
			q.Bucket = bucket
		}
		if check := known.memory.Locks[ledger.KeyOf(c.Lock)].Check; check != nil {
			q.Before = check.Run
		}
		known.asked = append(known.asked, q)
	}
	opened.Ask(ctx, known.asked)
	return known
}

func anyReadable(locks []policy.Case) bool {
	for i := range locks {
		if locks[i].Verdict != policy.Unreadable {
			return true
		}
	}
	return false
}
