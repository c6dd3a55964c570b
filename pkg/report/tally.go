package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// operationPlan is the client's name of a plan.
const operationPlan = "OperationTypePlan"

// tally counts the locks of one week.
type tally struct {
	span

	taken, stuck int
	held, plans  time.Duration
	resolved     []time.Duration
	stuckPaths   map[string]int
	stuckPeople  map[string]int
	releasers    map[releaser]int
	locking      map[string]lockedAs // by path
}

type releaser struct {
	who string
	how alert.How
}

// lockedAs is how a path was locked last.
type lockedAs struct {
	locking ledger.Locking
	seen    time.Time
	settled bool
}

func newTally(s span) *tally {
	return &tally{
		span: s, stuckPaths: map[string]int{}, stuckPeople: map[string]int{}, releasers: map[releaser]int{}, locking: map[string]lockedAs{},
	}
}

// lock is one lock, ended or not, as the tally sees it.
type lock struct {
	path, who, operation string
	firstSeen, stuckAt   time.Time
	heldSince, heldUntil time.Time
	kinds                []tflock.Kind
	settled              bool
}

func ofPast(p ledger.Past) lock {
	return lock{
		path: string(p.Path), who: p.Who, operation: p.Operation, firstSeen: p.FirstSeen, stuckAt: p.StuckAt,
		heldSince: p.HeldSince, heldUntil: p.Ended, kinds: p.Kinds, settled: p.Settled,
	}
}

func ofCurrent(c ledger.Current, now time.Time) lock {
	l := lock{path: string(c.Path), firstSeen: c.FirstSeen, stuckAt: c.StuckAt, heldSince: c.HeldSince, heldUntil: now, kinds: c.Kinds}
	if l.heldSince.IsZero() {
		l.heldSince = c.FirstSeen
	}
	if c.Finding != nil {
		l.who, l.operation = c.Finding.Who, c.Finding.Operation
	}
	return l
}

// lock counts a lock.
func (t *tally) lock(l lock) {
	if t.has(l.firstSeen) {
		t.taken++
		t.lockedAs(l)
	}
	if t.has(l.stuckAt) {
		t.stuck++
		t.stuckPaths[l.path]++
		t.stuckPeople[l.who]++
	}
	held := t.overlap(l.heldSince, l.heldUntil)
	t.held += held
	if l.operation == operationPlan {
		t.plans += held
	}
}

// lockedAs keeps how a path was locked last. One scan may see one half of two, so what
// several scans saw counts before it.
func (t *tally) lockedAs(l lock) {
	locking := ledger.LockingOf(l.kinds)
	last, known := t.locking[l.path]
	settled := l.settled || locking == ledger.LocksBoth
	if locking == "" || (known && last.settled && !settled) || (known && last.settled == settled && last.seen.After(l.firstSeen)) {
		return
	}
	t.locking[l.path] = lockedAs{locking, l.firstSeen, settled}
}

// more counts the locks that have no record of their own.
func (t *tally) more(p ledger.Past) {
	if t.has(p.Ended) {
		t.taken += p.More
		t.stuck += p.MoreStuck
	}
}

// ended counts the end of a lock that people were notified of. Those that were released
// through us are counted by their release.
func (t *tally) ended(p ledger.Past, how alert.How) {
	if !p.Resolved || !t.has(p.Ended) {
		return
	}
	t.resolved = append(t.resolved, p.Held())
	if how != alert.ByLockwarden {
		t.releasers[releaser{string(how), how}]++
	}
}

// release counts a release through us.
func (t *tally) release(r ledger.Release) {
	switch {
	case !t.has(r.At):
	case r.RequestedBy == automatic:
		t.releasers[releaser{automatic, alert.Automatically}]++
	default:
		t.releasers[releaser{named(r.RequestedBy), alert.ByLockwarden}]++
	}
}

// automatic is who asks for an automatic release.
const automatic = "lockwarden-auto"

// maxName bounds what a stranger wrote, in characters.
const maxName = 120

func named(who string) string { return alert.Clean(who, maxName) }

// resolve is how long it took until stuck locks were gone; nil where none was.
func (t *tally) resolve() *alert.Resolve {
	n := len(t.resolved)
	if n == 0 {
		return nil
	}
	slices.Sort(t.resolved)
	median := (t.resolved[(n-1)/2] + t.resolved[n/2]) / 2
	return &alert.Resolve{MedianSeconds: int64(median / time.Second), LongestSeconds: int64(t.resolved[n-1] / time.Second)}
}

// maxReleasers bounds the callers in a report. The rest are counted together.
const maxReleasers = 15

// releasedBy gives who released how many, the most first.
func (t *tally) releasedBy() (total int, list []alert.Releaser) {
	list = []alert.Releaser{}
	for r, n := range t.releasers {
		total += n
		list = append(list, alert.Releaser{Who: r.who, How: r.how, Count: n})
	}
	slices.SortFunc(list, func(a, b alert.Releaser) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	callers, others := 0, alert.Releaser{Who: "others", How: alert.ByLockwarden}
	list = slices.DeleteFunc(list, func(r alert.Releaser) bool {
		if r.How != alert.ByLockwarden {
			return false
		}
		if callers++; callers > maxReleasers {
			others.Count += r.Count
		}
		return callers > maxReleasers
	})
	if others.Count > 0 {
		list = append(list, others)
	}
	return total, list
}

// maxMost is how many states and people a report names.
const maxMost = 5

// most gives the names with the highest counts.
func most[T any](counts map[string]int, of func(name string, n int) T) []T {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	list := []T{}
	for _, name := range names[:min(len(names), maxMost)] {
		list = append(list, of(name, counts[name]))
	}
	return list
}

func (t *tally) mostStuck() alert.MostStuck {
	return alert.MostStuck{
		Paths: most(t.stuckPaths, func(path string, n int) alert.PathCount {
			return alert.PathCount{Path: alert.Clean(path, 1100), Count: n}
		}),
		People: most(t.stuckPeople, func(who string, n int) alert.WhoCount { return alert.WhoCount{Who: named(who), Count: n} }),
	}
}

func (t *tally) migration() *alert.Migration {
	if len(t.locking) == 0 {
		return nil
	}
	var m alert.Migration
	for _, l := range t.locking {
		switch l.locking {
		case ledger.LocksTable:
			m.Table++
		case ledger.LocksBoth:
			m.Both++
		case ledger.LocksLockfile:
			m.Lockfile++
		}
	}
	return &m
}
