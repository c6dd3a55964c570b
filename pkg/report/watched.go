package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// watched is when scans read the stores: what they did not see is not measured.
type watched struct {
	now, last time.Time               // last: start of the last scan
	since     time.Time               // start of the first scan that read a store which is watched now
	left      time.Time               // when a store was last seen to be watched no more; zero: never
	sinces    map[string]time.Time    // by store: start of the first scan that read it; zero: of all
	gaps      map[string][]ledger.Gap // by store, since then
	silent    []ledger.Gap            // in which no store was read that was watched
}

func newWatched(watch ledger.Watch, now time.Time, scanEvery time.Duration) watched {
	w := watched{now: now, last: watch.Last, left: watch.Left, gaps: map[string][]ledger.Gap{}, sinces: map[string]time.Time{}}
	all := ledger.Gap{To: now}
	w.silent = []ledger.Gap{all}
	first := now
	for arn, store := range watch.Stores {
		if _, ok := backend.KindOf(arn); !ok { // a pattern: what it matches is there too
			continue
		}
		since := store.Since
		if store.LastRead.IsZero() {
			since = now // it was never read
		}
		gaps := store.Gaps
		if gap, open := store.Unread(now, scanEvery); open {
			gaps = append(slices.Clone(gaps), gap)
		}
		w.sinces[arn], w.gaps[arn] = since, common([]ledger.Gap{{From: since, To: now}}, gaps)
		w.silent = common(w.silent, append([]ledger.Gap{{To: since}}, w.gaps[arn]...))
		first = earliest(first, since)
	}
	if len(w.gaps) == 0 {
		first, w.silent = watch.Since, nil
		if gap, open := (ledger.Store{LastRead: watch.Last}).Unread(now, scanEvery); open {
			w.silent = []ledger.Gap{gap}
		}
	}
	w.since = latest(watch.Since, first)
	w.silent = common([]ledger.Gap{{From: w.since, To: now}}, w.silent)
	return w
}

// common are the times that are in a gap of both lists.
func common(a, b []ledger.Gap) []ledger.Gap {
	var both []ledger.Gap
	for _, x := range a {
		for _, y := range b {
			if from, to := latest(x.From, y.From), earliest(x.To, y.To); from.Before(to) {
				both = append(both, ledger.Gap{From: from, To: to})
			}
		}
	}
	return both
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// in is how much of a span the gaps take.
func (s span) in(gaps []ledger.Gap) time.Duration {
	var all time.Duration
	for _, g := range gaps {
		all += s.overlap(g.From, g.To)
	}
	return all
}

func (s span) length() time.Duration { return s.to.Sub(s.from) }

// any reports whether a scan read a store in the span.
func (w watched) any(s span) bool {
	return !w.last.Before(s.from) && w.since.Before(s.to) && s.in(w.silent) < s.length()
}

// almost is the time at the beginning of a week for which its figures still count as whole.
const almost = time.Hour

// comparable reports whether the figures of two spans are of the same stores: each was read
// during all of both, or of neither.
func (w watched) comparable(s, before span) bool {
	if w.since.After(before.from.Add(almost)) || !w.left.Before(before.from) {
		return false
	}
	for arn, gaps := range w.gaps {
		unread := s.in(gaps) + before.in(gaps)
		if unread > 0 && unread < s.length()+before.length() {
			return false
		}
		if since := w.sinces[arn]; since.After(before.from.Add(almost)) && since.Before(s.to) {
			return false
		}
	}
	return w.any(before)
}

// maxUnread is how many stores a report names that were not read.
const maxUnread = 5

// unread are the stores that were not read for a part of the span in which others were,
// the longest first.
func (w watched) unread(s span) []alert.Unread {
	var list []alert.Unread
	silent := s.in(w.silent)
	for arn, gaps := range w.gaps {
		if missed := s.in(gaps) - silent; missed > 0 {
			list = append(list, alert.Unread{Store: alert.Clean(arn, maxName), Seconds: int64(missed / time.Second)})
		}
	}
	slices.SortFunc(list, func(a, b alert.Unread) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Store, b.Store))
	})
	return list[:min(len(list), maxUnread)]
}

// until is up to when a lock that is held was seen, and whether that is now: unless none of
// its stores is read any more.
func (w watched) until(stores []string) (seen time.Time, now bool) {
	for _, arn := range stores {
		gaps := w.gaps[arn]
		if len(gaps) == 0 || !gaps[len(gaps)-1].To.Equal(w.now) {
			return w.now, true
		}
		seen = latest(seen, gaps[len(gaps)-1].From)
	}
	if seen.IsZero() {
		return w.now, true
	}
	return seen, false
}

// stores returns the watched tables, by ARN, and whether any bucket is watched.
func (w watched) stores() (tables []string, buckets bool) {
	for arn := range w.gaps {
		switch kind, _ := backend.KindOf(arn); kind {
		case tflock.DynamoDB:
			tables = append(tables, arn)
		case tflock.S3:
			buckets = true
		}
	}
	return tables, buckets
}
