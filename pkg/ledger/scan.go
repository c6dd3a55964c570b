package ledger

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Failure is why a store could not be read completely.
type Failure struct {
	Problem string // begins with the store's ARN
	// Passing says that the cause may pass by itself, as a throttle, a timeout or a 5xx
	// does; a missing table or a refused listing does not.
	Passing bool
}

// Scan is what one scan found.
type Scan struct {
	Started  time.Time             // before the first read
	Ended    time.Time             // after the last read
	Watched  []string              // ARN of every table and bucket that is watched
	Patterns []string              // the configured ARNs with a `*`; one that could not be searched is in Failures
	Failures map[string]Failure    // by ARN, each store that could not be read completely
	Locks    iter.Seq[policy.Case] // judged
}

// Failed says whether a store could not be read completely. A store that is covered by a
// pattern only fails with the search for what matches it.
func (s Scan) Failed(store string) bool {
	if _, failed := s.Failures[store]; failed {
		return true
	}
	return len(s.Failures) > 0 && !slices.Contains(s.Watched, store) && slices.ContainsFunc(s.Patterns, func(pattern string) bool {
		_, failed := s.Failures[pattern]
		return failed && covers(pattern, store)
	})
}

// gone says whether a store is covered by a pattern and was not found by any search.
func (s Scan) gone(store string) bool {
	return !slices.Contains(s.Watched, store) && !s.Failed(store) && slices.ContainsFunc(s.Patterns, func(pattern string) bool {
		return covers(pattern, store)
	})
}

// matches says whether a pattern covers any store that is watched.
func (s Scan) matches(pattern string) bool {
	return slices.ContainsFunc(s.Watched, func(arn string) bool { return covers(pattern, arn) })
}

// covers says whether a pattern, in which `*` stands for any characters, matches an ARN.
func covers(pattern, arn string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == arn
	}
	rest, ok := strings.CutPrefix(arn, first)
	if !ok {
		return false
	}
	if rest, ok = strings.CutSuffix(rest, last); !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return true
}
