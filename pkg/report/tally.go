package report

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// tally counts the locks of one week.
type tally struct {
	span

	taken, stuck int
	stuckNow     int
	stuckUnread  int // stuck when a store of theirs was last read
	fresh, older int // of those released: not stuck yet, and stuck since before the week
	held, plans  time.Duration
	resolved     []time.Duration // of the stuck locks that ended
	automatic    []time.Duration // of those that were released automatically, stuck or not
	byHand       []time.Duration // of those that somebody released through us, stuck or not
	states       stuckStates
	people       stuckPeople
	releasers    map[releaser]int
	locking      map[uint64]lockedAs // by the hash of the path
	unsure       bool                // there are more paths than that has room for
	seed         maphash.Seed
	scanEvery    time.Duration
}

type releaser struct {
	who string
	how alert.How
}

// lockedAs is how a path was locked last.
type lockedAs struct {
	locking policy.Locking
	seen    time.Time
	settled bool
}

func newTally(s span, scanEvery time.Duration) *tally {
	return &tally{
		span: s, states: newStuckStates(), people: newStuckPeople(), releasers: map[releaser]int{},
		locking: map[uint64]lockedAs{}, seed: maphash.MakeSeed(), scanEvery: scanEvery,
	}
}

// lock is one lock, ended or not, as the tally sees it.
type lock struct {
	path, operation string
	person
	firstSeen, stuckAt   time.Time
	heldSince, heldUntil time.Time
	kinds                []tflock.Kind
	settled              bool
}

// ofPast is a lock that has ended. One that ended while no scan looked was held for one scan
// after it was last seen, as far as anybody knows.
func (t *tally) ofPast(p ledger.Past) lock {
	until := p.Ended
	if p.Missed(t.scanEvery) {
		until = p.Seen().Add(t.scanEvery)
	}
	return lock{
		path: string(p.Path), person: person{p.Who, holder(p.Session)}, operation: p.Operation, firstSeen: p.FirstSeen, stuckAt: p.StuckAt,
		heldSince: p.HeldSince, heldUntil: until, kinds: p.Kinds, settled: p.Settled,
	}
}

func ofCurrent(c ledger.Current, now time.Time) lock {
	l := lock{path: string(c.Path), firstSeen: c.FirstSeen, stuckAt: c.StuckAt, heldSince: c.HeldSince, heldUntil: now, kinds: c.Kinds}
	if l.heldSince.IsZero() {
		l.heldSince = c.FirstSeen
	}
	if c.Description != nil {
		l.who, l.operation = c.Description.Who, c.Description.Operation
		if w := c.Description.Witness; w != nil {
			l.holder = holder(w.Session)
		}
	}
	return l
}

// holder is how a report names who took a lock: by the IAM session, which says more than the
// name of a CI system's machine. It is empty where that is not known, or made up by an SDK. The
// runs of one repository or project are one holder.
func holder(session string) string {
	if unnamed(session) {
		return ""
	}
	named, ok := run.Parse(session)
	switch {
	case ok && named.Source == policy.GitHub:
		return "runs of GitHub repository " + named.Project
	case ok && named.Source == policy.GitLab:
		return "runs of GitLab project " + named.Project
	case ok && named.Source == policy.CodeBuild:
		return "CodeBuild" // its builds do not say of which project they are
	default:
		return session
	}
}

// lock counts a lock.
func (t *tally) lock(l lock) {
	if t.has(l.firstSeen) {
		t.taken++
		t.lockedAs(l)
	}
	if t.has(l.stuckAt) {
		t.stuck++
		t.states.add(l.path)
		t.people.add(l.person)
	}
	held := t.overlap(l.heldSince, l.heldUntil)
	t.held += held
	if l.operation == tflock.OperationPlan {
		t.plans += held
	}
}

// stillStuck counts a lock that was stuck when it was last seen. now says whether that is now.
func (t *tally) stillStuck(l lock, now bool) {
	switch {
	case l.stuckAt.IsZero():
	case now:
		t.stuckNow++
	default:
		t.stuckUnread++
	}
}

// lockedAs keeps how a path was locked last. One scan may see one half of two, so what
// several scans saw counts before it.
func (t *tally) lockedAs(l lock) {
	locking := policy.LockingOf(l.kinds)
	path := maphash.String(t.seed, l.path)
	last, known := t.locking[path]
	settled := l.settled || locking == policy.ByBoth
	if locking == "" || (known && last.settled && !settled) || (known && last.settled == settled && last.seen.After(l.firstSeen)) {
		return
	}
	if !known && len(t.locking) == maxPaths {
		t.unsure = true
		return
	}
	t.locking[path] = lockedAs{locking, l.firstSeen, settled}
}

// more counts the locks that have no record of their own.
func (t *tally) more(p ledger.Past) {
	if t.has(p.Ended) {
		t.taken += p.More
		t.stuck += p.MoreStuck
	}
}

// countEnd counts the end of a lock. Those that were released through us for certain are among
// the releasers by the record of their release.
func (t *tally) countEnd(p ledger.Past, by releaser, recorded bool) {
	if !t.has(p.Ended) {
		return
	}
	missed := p.Missed(t.scanEvery) // then how long it was held is not known
	if p.Resolved && !missed {
		t.resolved = append(t.resolved, p.Held())
	}
	if p.Resolved && !recorded {
		t.released(by, p.StuckAt)
	}
	switch {
	case !recorded || missed:
	case by.how == alert.Automatically:
		t.automatic = append(t.automatic, p.Held())
	default:
		t.byHand = append(t.byHand, p.Held())
	}
}

// release counts a release through us.
func (t *tally) release(r release) {
	if t.has(r.at()) && certain(r.Release) {
		t.released(through(r.Release), r.stuckAt)
	}
}

func (t *tally) released(by releaser, stuckAt time.Time) {
	t.releasers[by]++
	switch {
	case stuckAt.IsZero():
		t.fresh++
	case stuckAt.Before(t.from):
		t.older++
	}
}

// maxName bounds what a stranger wrote, in characters, and maxPath a path.
const (
	maxName = 120
	maxPath = 1100
)

func cleanName(who string) string { return alert.Clean(who, maxName) }

// resolve is how long it took until locks were gone; nil where there is none.
func resolve(held []time.Duration) *alert.Resolve {
	n := len(held)
	if n == 0 {
		return nil
	}
	slices.Sort(held)
	median := (held[(n-1)/2] + held[n/2]) / 2
	return &alert.Resolve{MedianSeconds: int64(median / time.Second), LongestSeconds: int64(held[n-1] / time.Second)}
}

// resolvedBy compares automatic releases with those by hand; nil without an automatic one.
func (t *tally) resolvedBy() *alert.ResolvedBy {
	if len(t.automatic) == 0 {
		return nil
	}
	return &alert.ResolvedBy{Automatic: counted(t.automatic), ByHand: counted(t.byHand)}
}

func counted(held []time.Duration) *alert.CountedResolve {
	r := resolve(held)
	if r == nil {
		return nil
	}
	return &alert.CountedResolve{Count: len(held), Resolve: *r}
}

// maxReleasers bounds the names of one way in a report. The rest are counted together.
const maxReleasers = 15

// releasedBy returns who released how many, the most first.
func (t *tally) releasedBy() (total int, list []alert.Releaser) {
	list = []alert.Releaser{}
	for r, n := range t.releasers {
		total += n
		list = append(list, alert.Releaser{Who: r.who, How: r.how, Count: n})
	}
	slices.SortFunc(list, func(a, b alert.Releaser) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	list = bounded(bounded(list, alert.ByLockwarden), alert.BySomebodyElse)
	return total, list
}

// bounded counts those together who are too many of one way. The list is in its order.
func bounded(list []alert.Releaser, how alert.How) []alert.Releaser {
	n, others := 0, alert.Releaser{Who: "others", How: how}
	list = slices.DeleteFunc(list, func(r alert.Releaser) bool {
		if r.How != how {
			return false
		}
		if n++; n > maxReleasers {
			others.Count += r.Count
		}
		return n > maxReleasers
	})
	if others.Count > 0 {
		list = append(list, others)
	}
	return list
}

// tooMany reports whether there were more states or people than are counted.
func (t *tally) tooMany() bool { return t.unsure || t.states.full || t.people.full }

func (t *tally) mostStuck() alert.MostStuck {
	return alert.MostStuck{Paths: t.states.shown(), People: t.people.most()}
}

// migration counts states by where they were locked last; nil where the stores cannot tell,
// or the states are too many to count.
func (t *tally) migration(seen watched) *alert.Migration {
	if tables, buckets := seen.stores(); len(t.locking) == 0 || t.unsure || len(tables) == 0 || !buckets {
		return nil
	}
	var m alert.Migration
	for _, l := range t.locking {
		switch l.locking {
		case policy.ByTable:
			m.Table++
		case policy.ByBoth:
			m.Both++
		case policy.ByLockfile:
			m.Lockfile++
		}
	}
	return &m
}
