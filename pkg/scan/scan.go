package scan

import (
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Scan is what one scan of the watched stores found. Read fills it, Judge gives its locks
// their verdicts.
type Scan struct {
	Started  time.Time          // before the first read
	Ended    time.Time          // after the last read
	Watched  []string           // ARN of every store, found by patterns or named
	Patterns []string           // configured ARNs with a `*`; one that could not be searched is in Failures
	Failures map[string]Failure // by ARN, each store or pattern that could not be read completely
	Figures  Figures            // of all locks, once they are judged
	// Unsafe says of stores that they do not honour conditional requests, and Doubts of which
	// stores that is not known: by ARN, once Probe has asked.
	Unsafe map[string]string
	Doubts map[string]string
	// Worst are the judged locks that are kept so that evidence can be added to them, the most
	// pressing first; where there are very many, those of each folder come in turn.
	Worst []policy.Case

	rules    policy.Rules
	memory   memory
	holdings holdings
	order    []place                    // of all locks, the worst first
	inWorst  map[int]int                // where in Worst a lock of that order is
	listed   map[string]listed          // by the ARN of a bucket
	stores   backend.Set                // those that were named and those that patterns matched
	buckets  map[string]*backend.Bucket // of stores, by name
}

// Failure is why a store could not be read completely.
type Failure struct {
	Problem string // begins with the store's ARN
	// Passing says that the cause may pass by itself, as a throttle, a timeout or a 5xx
	// does; a missing table or a refused listing does not. See backend.Permanent.
	Passing bool
	// Crowded are the prefixes, or folders in them, of which not everything was read, with their
	// buckets (bucket/first/, bucket/first/second/): all else in the store was. None: the store could not be read.
	Crowded []string
	// Object says that S3 failed to give a lock object under the only one of Crowded, which
	// need not have too many.
	Object bool
}

// listed is what the listing of a bucket showed of its states, and when its reading ended.
type listed struct {
	times *backend.Times
	at    time.Time // by the scanner's clock
	ended time.Time // by the machine's, which dates the pages
}

// of returns when a state was written, and how old that was at the end of the bucket's reading.
func (l listed) of(path tflock.Path) (written time.Time, age time.Duration, known bool) {
	written, asked, known := l.times.Of(path)
	return written, l.ended.Sub(asked), known
}

// Of returns a scan that found these holdings, for tests of what compares and shows scans.
func Of(found ...tflock.Holding) *Scan {
	s := &Scan{}
	for _, h := range found {
		s.holdings = append(s.holdings, pack(h))
	}
	s.holdings.sort()
	return s
}

// Complete reports whether every store was read to its end.
func (s *Scan) Complete() bool { return len(s.Failures) == 0 }

// Whole reports whether everything on a path was read, in every store: none failed, and the path is
// in no crowded folder.
func (s *Scan) Whole(path tflock.Path) bool {
	for store, failure := range s.Failures {
		if len(failure.Crowded) == 0 || s.Crowded(path, store) {
			return false
		}
	}
	return true
}

// Unread reports whether it is not known of a path what a store has on it: the store Failed, or
// the path is in a crowded folder.
func (s *Scan) Unread(path tflock.Path, store string) bool {
	return s.Failed(store) || s.Crowded(path, store)
}

// Crowds reports whether a store was read but for some folders.
func (s *Scan) Crowds(store string) bool { return len(s.Failures[store].Crowded) > 0 }

// Withholds reports whether a store was read but for a folder in which S3 failed to give a lock object.
func (s *Scan) Withholds(store string) bool { return s.Failures[store].Object }

// Crowded reports whether a path is in a folder of a store of which not everything was read.
func (s *Scan) Crowded(path tflock.Path, store string) bool {
	failure, failed := s.Failures[store]
	return failed && slices.ContainsFunc(failure.Crowded, func(prefix string) bool { return strings.HasPrefix(string(path), prefix) })
}

// Failed reports whether a store could not be read: it failed itself, or it was not
// found by the search for a pattern that covers it, which failed.
func (s *Scan) Failed(store string) bool {
	if failure, failed := s.Failures[store]; failed {
		return len(failure.Crowded) == 0
	}
	return !s.Complete() && !slices.Contains(s.Watched, store) && slices.ContainsFunc(s.Patterns, func(pattern string) bool {
		_, failed := s.Failures[pattern]
		return failed && backend.Covers(pattern, store)
	})
}

// Disappeared reports whether a store is covered by a pattern and was not found by any search.
func (s *Scan) Disappeared(store string) bool {
	return !slices.Contains(s.Watched, store) && !s.Failed(store) && slices.ContainsFunc(s.Patterns, func(pattern string) bool {
		return backend.Covers(pattern, store)
	})
}

// Unknown says why the scan does not show whether a store still has a half of a lock on that
// path; empty: it does. The words begin with the store.
func (s *Scan) Unknown(path tflock.Path, store string) string {
	switch {
	case s.Unread(path, store):
		return store + " could not be read"
	case !slices.Contains(s.Watched, store) && !s.Disappeared(store):
		return store + " is not watched any more"
	}
	for _, l := range s.On(path) {
		if h := l.Holdings[0]; h.Store == store && h.Sealed() {
			return store + " has something in its place that cannot be read"
		}
	}
	return ""
}

// Matches reports whether a pattern covers any store that is watched.
func (s *Scan) Matches(pattern string) bool {
	return slices.ContainsFunc(s.Watched, func(arn string) bool { return backend.Covers(pattern, arn) })
}

// Errors are the problems of the failures, in the order of the stores, then of the
// patterns. Each names its store or pattern.
func (s *Scan) Errors() []string {
	list := []string{}
	for _, arn := range slices.Concat(s.Watched, s.Patterns) {
		if failure, failed := s.Failures[arn]; failed {
			list = append(list, failure.Problem)
		}
	}
	return list
}

// Elsewhere returns which of these IDs, each with the path of its lock, a lock on another path may have too: whoever can write one key
// chooses the ID in it. Where not everything was read that is any of them.
func (s *Scan) Elsewhere(paths map[string]tflock.Path) map[string]bool {
	elsewhere, unread := map[string]bool{}, !s.Complete()
	for _, h := range s.holdings {
		unread = unread || h.err != nil && h.unpack().Sealed()
		if path, wanted := paths[h.id]; wanted && path != h.path {
			elsewhere[h.id] = true
		}
	}
	for id := range paths {
		elsewhere[id] = elsewhere[id] || unread
	}
	return elsewhere
}

// On returns the locks on a path, without their bytes.
func (s *Scan) On(path tflock.Path) []tflock.Lock {
	first, found := s.holdings.find(path)
	if !found {
		return nil
	}
	locks, _ := s.holdings.at(first)
	return locks
}
