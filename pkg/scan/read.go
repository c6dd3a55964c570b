package scan

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// store is a place that is scanned for locks.
type store interface {
	ARN() string
	Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error]
}

// bucket is a store that has states too, and whose listing shows when they were written.
type bucket interface {
	store
	Survey(ctx context.Context) (iter.Seq2[tflock.Holding, error], *backend.Times)
}

// Scanner looks at the watched stores. It holds nothing between two scans.
type Scanner struct {
	set   backend.Set
	rules policy.Rules
	now   func() time.Time
}

// New makes a scanner of these stores. What the patterns of the set match is searched at
// each reading.
func New(set backend.Set, rules policy.Rules, now func() time.Time) *Scanner {
	return &Scanner{set: set, rules: rules, now: now}
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
	listed   map[string]listed          // by the ARN of a bucket
	stores   backend.Set                // those that were named and those that patterns matched
	buckets  map[string]*backend.Bucket // of stores, by name
}

// listed is what the listing of a bucket showed of its states, and when it ended.
type listed struct {
	times *backend.Times
	at    time.Time
}

// Complete says whether every store was read to its end.
func (r Reading) Complete() bool { return len(r.Failures) == 0 }

// Failed says whether a store could not be read completely: it failed itself, or it was not
// found by the search for a pattern that covers it, which failed.
func (r Reading) Failed(store string) bool {
	if _, failed := r.Failures[store]; failed {
		return true
	}
	return !r.Complete() && !slices.Contains(r.Watched, store) && slices.ContainsFunc(r.Patterns, func(pattern string) bool {
		_, failed := r.Failures[pattern]
		return failed && backend.Covers(pattern, store)
	})
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

// Read goes through every store side by side, while it searches for those that patterns
// match. What a failing store gave before it failed is kept: those locks are held. A
// pattern that could not be searched is among the failures, and its ARN is not among
// those of the stores.
func (s *Scanner) Read(ctx context.Context) Reading {
	ctx, cancel := withReserve(ctx)
	defer cancel()
	r := &reader{now: s.now, slots: make(slots, readers), Reading: Reading{
		Started: s.now(), Patterns: s.set.Patterns(), stores: s.set,
		Failures: map[string]string{}, passing: map[string]bool{}, listed: map[string]listed{},
		buckets: map[string]*backend.Bucket{},
	}}
	r.start(ctx, s.set)
	searches := s.set.Searches()
	found := make([]backend.Set, len(searches))
	for i, search := range searches {
		r.group.Go(func() {
			found[i] = search.Find(ctx)
			r.start(ctx, found[i])
		})
	}
	r.group.Wait()
	for _, f := range found {
		r.stores = r.stores.With(f)
	}
	for _, b := range r.stores.Buckets {
		r.buckets[b.Name()] = b
	}
	for _, place := range r.stores.All() {
		if !slices.Contains(r.Patterns, place.ARN()) {
			r.Watched = append(r.Watched, place.ARN())
		}
	}
	r.Ended = s.now()
	r.holdings.sort()
	return r.Reading
}

// reader is a reading under way.
type reader struct {
	now   func() time.Time
	slots slots
	group sync.WaitGroup

	mu sync.Mutex // of what follows
	Reading
}

// start begins to read some stores.
func (r *reader) start(ctx context.Context, set backend.Set) {
	for _, place := range set.All() {
		r.group.Go(func() { r.read(ctx, place) })
	}
}

func (r *reader) read(ctx context.Context, place store) {
	var found holdings
	var problem error
	slot := r.slots.take(ctx)
	if slot == nil {
		problem = &backend.Error{Store: place.ARN(), Err: ctx.Err()}
		r.add(place, found, nil, problem)
		return
	}
	defer slot.end()
	all, times := survey(ctx, place)
	for h, err := range all {
		if err != nil {
			problem = err
			break
		}
		slot.gave()
		found = append(found, pack(h))
	}
	r.add(place, found, times, problem)
}

// add keeps what a store gave.
func (r *reader) add(place store, found holdings, times *backend.Times, problem error) {
	ended := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
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
}

func survey(ctx context.Context, place store) (iter.Seq2[tflock.Holding, error], *backend.Times) {
	if b, ok := place.(bucket); ok {
		return b.Survey(ctx)
	}
	return place.Holdings(ctx), nil
}
