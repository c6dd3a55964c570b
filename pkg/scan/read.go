package scan

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// store is a place that is scanned for locks.
type store interface {
	ARN() string
	Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error]
}

// bucket is a store that has states too, and tells when they were last written: at once
// where its listing showed that.
type bucket interface {
	store
	Survey(ctx context.Context) (iter.Seq2[tflock.Holding, error], *backend.Times)
	StateWritten(ctx context.Context, path string) (time.Time, error)
}

// Scanner looks at the watched stores. It holds nothing between two scans.
type Scanner struct {
	stores  []store
	buckets map[string]bucket // those of stores that are buckets, by name
	rules   Rules
	now     func() time.Time
}

// Rules are the settings that locks are judged by.
type Rules struct {
	Thresholds   policy.Thresholds
	ReleaseGuard time.Duration // a state written within it is a sign of life
}

// New makes a scanner of these stores.
func New(set backend.Set, rules Rules, now func() time.Time) *Scanner {
	s := &Scanner{buckets: make(map[string]bucket, len(set.Buckets)), rules: rules, now: now}
	for _, watched := range set.All() {
		s.stores = append(s.stores, watched)
	}
	for _, b := range set.Buckets {
		s.buckets[b.Name()] = b
	}
	return s
}

// Reading is what the stores held.
type Reading struct {
	Started  time.Time         // before the first read
	Ended    time.Time         // after the last read
	Watched  []string          // ARN of every store, found by patterns or named
	Patterns []string          // configured ARNs with a `*`; one that could not be searched is in Failures
	Failures map[string]string // ARN of each that could not be read completely, with the cause
	passing  map[string]bool   // of Failures, those whose cause may pass by itself
	holdings holdings
	listed   map[string]listed // by the ARN of a bucket
}

// listed is what the listing of a bucket showed of its states, and when it ended.
type listed struct {
	times *backend.Times
	at    time.Time
}

// Complete says whether every store was read to its end.
func (r Reading) Complete() bool { return len(r.Failures) == 0 }

// Failed says whether a store could not be read completely.
func (r Reading) Failed(store string) bool {
	_, failed := r.Failures[store]
	return failed
}

// Passing says whether the failure of a store or a pattern may pass by itself, as a
// throttle, a timeout or a 5xx does: see backend.Error's Permanent.
func (r Reading) Passing(arn string) bool { return r.passing[arn] }

// Errors are the causes of the failures, in the order of the stores, then of the
// patterns. Each names its store or pattern.
func (r Reading) Errors() []string {
	list := []string{}
	for _, arn := range slices.Concat(r.Watched, r.Patterns) {
		if problem, failed := r.Failures[arn]; failed {
			list = append(list, problem)
		}
	}
	return list
}

// readers bounds how many stores are read at once, lookers how many states are looked at.
// A few states in a row take less than another connection does: its TLS handshake is a
// millisecond of a whole CPU, of which a small function has a share.
const (
	readers = 8
	lookers = 16
	few     = 4
)

// reserve is what is kept of the invocation's time for what comes after the reading.
const reserve = 90 * time.Second

// withReserve ends the reading early enough to tell of a store that hangs.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/2)))
}

// Read goes through every store side by side. What a failing store gave before it
// failed is kept: those locks are held.
func (s *Scanner) Read(ctx context.Context) Reading {
	ctx, cancel := withReserve(ctx)
	defer cancel()
	r := Reading{Started: s.now(), Failures: map[string]string{}, passing: map[string]bool{}, listed: make(map[string]listed, len(s.buckets))}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(readers)
	for _, place := range s.stores {
		r.Watched = append(r.Watched, place.ARN())
		group.Go(func() error {
			var found holdings
			var problem error
			all, times := survey(ctx, place)
			for h, err := range all {
				if err != nil {
					problem = err
					break
				}
				found = append(found, pack(h))
			}
			ended := s.now()
			mu.Lock()
			defer mu.Unlock()
			if times != nil {
				r.listed[place.ARN()] = listed{times, ended}
			}
			if r.holdings == nil { // of one store alone there is no copy
				r.holdings = found
			} else {
				r.holdings = append(r.holdings, found...)
			}
			if problem != nil {
				r.Failures[place.ARN()], r.passing[place.ARN()] = problem.Error(), !backend.Permanent(problem)
			}
			return nil
		})
	}
	_ = group.Wait() // a store's failure is in Failures: it must not end the others
	r.Ended = s.now()
	r.holdings.sort()
	return r
}

func survey(ctx context.Context, place store) (iter.Seq2[tflock.Holding, error], *backend.Times) {
	if b, ok := place.(bucket); ok {
		return b.Survey(ctx)
	}
	return place.Holdings(ctx), nil
}
