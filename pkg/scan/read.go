package scan

import (
	"context"
	"errors"
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
	most  int // holdings that it keeps
}

// New makes a scanner of these stores. What the patterns of the set match is searched at
// each reading.
func New(set backend.Set, rules policy.Rules, now func() time.Time) *Scanner {
	return &Scanner{set: set, rules: rules, now: now, most: maxKept}
}

// SetLimit sets how many holdings the scanner keeps. The default is for the function; a test
// that floods a scanner sets fewer.
func (s *Scanner) SetLimit(most int) { s.most = most }

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

// withReserve ends the reading early enough to report a store that hangs.
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
func (s *Scanner) Read(ctx context.Context) *Scan {
	ctx, cancel := withReserve(ctx)
	defer cancel()
	found := &Scan{
		Started: s.now(), Patterns: s.set.Patterns(), Failures: map[string]Failure{},
		rules: s.rules, listed: map[string]listed{}, stores: s.set, buckets: map[string]*backend.Bucket{},
	}
	r := &reader{now: s.now, slots: make(slots, readers), found: found, room: room{most: s.most}}
	r.start(ctx, s.set)
	searches := s.set.Searches()
	matched := make([]backend.Set, len(searches))
	for i, search := range searches {
		r.group.Go(func() {
			matched[i] = search.Find(ctx)
			r.start(ctx, matched[i])
		})
	}
	r.group.Wait()
	for _, set := range matched {
		found.stores = found.stores.With(set)
	}
	for _, b := range found.stores.Buckets {
		found.buckets[b.Name()] = b
	}
	for _, store := range found.stores.All() {
		if !slices.Contains(found.Patterns, store.ARN()) {
			found.Watched = append(found.Watched, store.ARN())
		}
	}
	r.room.end(found.Failures)
	found.Ended = s.now()
	found.holdings = r.room.kept
	found.holdings.sort()
	return found
}

// reader is a scan whose stores are being read.
type reader struct {
	now   func() time.Time
	slots slots
	group sync.WaitGroup

	mu    sync.Mutex // guards found and room
	found *Scan
	room  room
}

// start begins to read some stores.
func (r *reader) start(ctx context.Context, set backend.Set) {
	for _, from := range set.All() {
		r.group.Go(func() { r.read(ctx, from) })
	}
}

func (r *reader) read(ctx context.Context, from store) {
	slot := r.slots.take(ctx)
	if slot == nil {
		r.end(from, nil, &backend.Error{Store: from.ARN(), Err: ctx.Err()})
		return
	}
	defer slot.end()
	var problem error
	all, times := survey(ctx, from)
	for h, err := range all {
		if err != nil {
			problem = err
			break
		}
		slot.active()
		r.keep(pack(h))
	}
	r.end(from, times, problem)
}

func (r *reader) keep(p packed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.room.add(p)
}

// end notes how the reading of a store ended.
func (r *reader) end(from store, times *backend.Times, problem error) {
	ended := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if times != nil {
		r.found.listed[from.ARN()] = listed{times, ended, time.Now()}
	}
	if problem != nil {
		r.found.Failures[from.ARN()] = failureOf(problem)
	}
}

func failureOf(problem error) Failure {
	f := Failure{Problem: problem.Error(), Passing: !backend.Permanent(problem)}
	if crowded, ok := errors.AsType[*backend.CrowdedError](problem); ok {
		f.Crowded, f.Object = crowded.Prefixes, crowded.Object != nil && len(crowded.Prefixes) == 1
		f.Passing = f.Object
	}
	return f
}

func survey(ctx context.Context, from store) (iter.Seq2[tflock.Holding, error], *backend.Times) {
	if b, ok := from.(bucket); ok {
		return b.Survey(ctx)
	}
	return from.Holdings(ctx), nil
}
