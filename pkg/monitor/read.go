package monitor

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// reading is what the stores held.
type reading struct {
	started  time.Time
	watched  []string
	failures map[string]string
	holdings []tflock.Holding
}

// readers bounds how many stores are read at once, lookups how many states are looked
// at.
const (
	readers = 8
	lookups = 16
)

// lookupTime bounds the looks at states: they are evidence, and the turn to tell
// must not run out over them.
const lookupTime = 20 * time.Second

// reserve is what is kept of the invocation's time for telling.
const reserve = 90 * time.Second

// withReserve ends the reading early enough to tell of a store that hangs.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/2)))
}

// read goes through every store side by side. What a failing store gave before it
// failed is kept: those locks are held.
func (m *Monitor) read(ctx context.Context) reading {
	ctx, cancel := withReserve(ctx)
	defer cancel()
	r := reading{started: m.Now(), failures: map[string]string{}}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(readers)
	for _, s := range m.stores {
		r.watched = append(r.watched, s.ARN())
		group.Go(func() error {
			var found []tflock.Holding
			problem := ""
			for h, err := range s.Holdings(ctx) {
				if err != nil {
					problem = err.Error()
					break
				}
				h.Raw, h.Info.Info = "", "" // not needed here, and large where somebody means harm
				found = append(found, h)
			}
			mu.Lock()
			defer mu.Unlock()
			r.holdings = append(r.holdings, found...)
			if problem != "" {
				r.failures[s.ARN()] = problem
			}
			return nil
		})
	}
	_ = group.Wait() // a store's failure is in failures: it must not end the others
	return r
}

// judge gives each lock its verdict and evidence, worst first. The state is looked at
// for those that the report has room for.
func (m *Monitor) judge(ctx context.Context, locks []tflock.Lock, recalled ledger.Memory, scan ledger.Scan) []ledger.Observed {
	type judged struct {
		lock tflock.Lock
		seen policy.Sighting
		j    policy.Judgement
	}
	all := make([]judged, len(locks))
	for i, l := range locks {
		seen := recalled.Sighting(l, scan.Failed)
		all[i] = judged{l, seen, policy.Judge(l, seen, m.Rules.Thresholds, scan.Ended)}
	}
	rank := map[policy.Verdict]int{policy.Stuck: 0, policy.Unreadable: 1, policy.Fresh: 2}
	slices.SortStableFunc(all, func(a, b judged) int {
		return cmp.Or(cmp.Compare(rank[a.j.Verdict], rank[b.j.Verdict]), a.j.Since.Compare(b.j.Since))
	})
	observed := make([]ledger.Observed, len(all))
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(lookups)
	for i, one := range all {
		finish := func(state policy.State) {
			e := policy.Weigh(one.lock, one.j, one.seen, state, m.Rules.ReleaseGuard, scan.Ended)
			observed[i] = ledger.Observed{Lock: one.lock, Finding: policy.NewFinding(one.lock, one.j, e)}
		}
		switch {
		case one.j.Verdict == policy.Unreadable:
			finish(policy.State{})
		case i >= maxListed:
			finish(policy.State{Problem: "too many locks to look at every state"})
		default:
			group.Go(func() error {
				finish(m.state(ctx, one.lock.Path, scan))
				return nil
			})
		}
	}
	_ = group.Wait() // a state that cannot be looked at is evidence of its own
	return observed
}

func (m *Monitor) state(ctx context.Context, path string, scan ledger.Scan) policy.State {
	bucket, _, ok := tflock.SplitPath(path)
	watched := m.states[bucket]
	if !ok || watched == nil {
		return policy.State{Problem: "its bucket is not watched"}
	}
	if scan.Failed(watched.ARN()) {
		return policy.State{Problem: "its bucket cannot be read"}
	}
	written, err := watched.StateWritten(ctx, path)
	if err != nil {
		return policy.State{Problem: err.Error()}
	}
	return policy.State{Written: written}
}

func newOwner() string { return rand.Text() }
