package report_test

import (
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// sighted is what the log says that scans saw of a lock, up to a moment.
type sighted struct {
	life
	first, stuck, gone time.Time // ends of scans; zero: not yet
	last               time.Time // start of the last scan that read a store of it while it was not gone
	kinds              []tflock.Kind
	settled            bool // how it was locked is certain
}

// see goes through the log for one lock.
func (q quarter) see(l life, until time.Time) (s sighted, seen bool) {
	s.life = l
	scans, whole := 0, false // that saw it; whether the last scan read everything
	for _, p := range q.passes {
		if !p.recorded().Before(until) || p.at.Before(l.taken) {
			continue
		}
		if s.reads(p) && (!l.ended.Before(p.at) || s.fails(p)) {
			s.last = p.at
		}
		if l.ended.After(p.at) {
			glimpse := false
			for _, kind := range l.kinds {
				if !p.failed[storeOf[kind]] {
					glimpse = true
					if !slices.Contains(s.kinds, kind) {
						s.kinds = append(s.kinds, kind)
					}
				}
			}
			whole = !p.failed[table] && !p.failed[bucket]
			if !glimpse {
				continue
			}
			scans++
			if s.first.IsZero() {
				s.first = p.end()
			}
			if s.stuck.IsZero() && p.end().Sub(l.taken) > threshold {
				s.stuck = p.end()
			}
			continue
		}
		known := false
		for _, kind := range s.kinds {
			known = known || p.failed[storeOf[kind]]
		}
		if !s.first.IsZero() && !known {
			s.gone, s.settled = p.end(), scans > 1 && whole
			break
		}
		whole = !p.failed[table] && !p.failed[bucket]
	}
	s.settled = s.settled || len(s.kinds) == 2
	return s, !s.first.IsZero()
}

// seen is the last time at which a scan saw it for certain.
func (s sighted) seen() time.Time {
	if s.last.After(s.first) {
		return s.last
	}
	return s.first
}

// reads reports whether a scan read a store that the lock was seen in; fails whether it could
// not read one.
func (s sighted) reads(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return !p.failed[storeOf[kind]] })
}

func (s sighted) fails(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return p.failed[storeOf[kind]] })
}

// remover is who removed a lock that was not released through us, as far as S3's events say
// by then.
func (q quarter) remover(s sighted, until time.Time) alert.Releaser {
	unknown := alert.Releaser{Who: "unknown", How: alert.ByUnknown}
	var created, next event
	for _, e := range q.events {
		if e.path != s.path || e.delivered.IsZero() || !e.delivered.Before(until) {
			continue
		}
		switch {
		case e.etag == s.etag():
			created = e
		case e.at.After(s.taken) && (next.at.IsZero() || e.at.Before(next.at)):
			next = e
		}
	}
	switch {
	case !slices.Contains(s.kinds, tflock.S3), created.at.IsZero(), !next.removed, next.at.After(s.gone.Add(time.Minute)), next.at.Before(s.seen().Add(-time.Second)):
		return unknown
	case next.session == created.session:
		return alert.Releaser{Who: "holder", How: alert.ByHolder}
	default:
		return alert.Releaser{Who: next.session, How: alert.BySomebodyElse}
	}
}

// open computes what the last inventory found, less what only happened. A report names the
// findings that are open when it is made, not those of the end of its week: an inventory may
// run in the very second in which a report is due.
func (q quarter) open(from, now time.Time) (*int, *alert.FindingCounts) {
	last, ran := q.taken(now)
	if !ran || last.at.Before(from) {
		return nil, nil
	}
	var counts alert.FindingCounts
	for _, f := range last.found {
		switch {
		case f.Type == policy.FindingSerialReused:
		case f.Severity == policy.SeverityCritical:
			counts.Critical++
		case f.Severity == policy.SeverityWarning:
			counts.Warning++
		default:
			counts.Info++
		}
	}
	open := counts.Critical + counts.Warning + counts.Info
	return &open, &counts
}

func middle(held []time.Duration) *alert.Resolve {
	n := len(held)
	if n == 0 {
		return nil
	}
	slices.Sort(held)
	median := held[n/2]
	if n%2 == 0 {
		median = (median + held[n/2-1]) / 2
	}
	return &alert.Resolve{MedianSeconds: int64(median / time.Second), LongestSeconds: int64(held[n-1] / time.Second)}
}

func top(counts map[string]int) []string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	return names[:min(5, len(names))]
}
