package monitor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// autoReleases is what is remembered for automatic releases.
type autoReleases interface {
	Recall(ctx context.Context) (ledger.AutoMemory, error)
	Update(ctx context.Context, checks map[ledger.Key]ledger.Check, forget []ledger.Key) error
	RecordPlan(ctx context.Context, key ledger.Key, read *ledger.Plan, p ledger.Plan) error
	ForgetChecks(ctx context.Context, before time.Time) error
	Void(ctx context.Context, keys ...ledger.Key) error
	Claim(ctx context.Context, key ledger.Key, read ledger.Plan, now time.Time) error
	Brake(ctx context.Context, m ledger.AutoMemory, next policy.Brake) (ledger.AutoMemory, error)
	Renew(ctx context.Context, m ledger.AutoMemory, held func(ledger.Key) bool, now time.Time) error
}

// planner decides what happens to the locks that AutoRelease selects.
type planner struct {
	monitor  *Monitor
	known    *knownRuns
	notifier *notifier
	found    *scan.Scan
	crowds   map[tflock.Path]int           // how many locks and unreadable entries are on a path
	names    map[tflock.Path][]tflock.Path // the names under which something is locked, up to two, by the cleaned path; see named

	checks  map[ledger.Key]ledger.Check
	stands  map[ledger.Key]bool // whose plan this scan has confirmed, or made
	planned []planned
	due     []*evidence.Question
	claimed []*evidence.Question // to be released now
	errs    []error
}

// planned is a release that is planned in this scan.
type planned struct {
	key    ledger.Key
	basis  policy.Basis
	store  string // ARN of one that holds the lock
	shared bool   // its prefix has had its messages for now, so that it shares one
	alert.PlannedRelease
}

// plan publishes which locks are going to be released, and claims those that are due: the
// plan was published by an earlier scan, and nothing has changed since. It returns them.
func (m *Monitor) plan(ctx context.Context, n *notifier, known *knownRuns) ([]*evidence.Question, error) {
	if known == nil {
		return nil, nil
	}
	found := n.scan
	p := &planner{monitor: m, known: known, notifier: n, found: found, crowds: map[tflock.Path]int{}, names: map[tflock.Path][]tflock.Path{}, checks: map[ledger.Key]ledger.Check{}, stands: map[ledger.Key]bool{}}
	if known.auto.Locks.Any() {
		for c := range found.Locks() {
			p.count(c)
		}
	}
	for _, q := range inTurns(known.asked) {
		p.decide(q)
	}
	p.publish(ctx)
	p.errs = append(p.errs, m.AutoReleases.Void(ctx, p.fallen()...))
	p.claim(ctx)
	for key, check := range p.checks {
		if check.Selected && len(check.HeldBack) > 0 {
			m.Log.InfoContext(ctx, "not released automatically", "path", key.Path, "lock_id", key.ID, "reasons", check.HeldBack)
		}
	}
	if known.forgotten == nil {
		held := p.held()
		p.errs = append(p.errs, m.AutoReleases.Update(ctx, p.recorded(), p.forgettable(held)), m.AutoReleases.Renew(ctx, p.known.memory, held, found.Ended))
	} else {
		p.errs = append(p.errs, m.AutoReleases.ForgetChecks(ctx, found.Started.Add(-oldCheck)))
	}
	return p.claimed, errors.Join(p.errs...)
}

// count notes a lock, and the name under which it is on its state. Names that climb, or begin with an access point, count only where they
// are a lock: anybody can write a row of that kind for any state (docs/adr/0025).
func (p *planner) count(c policy.Case) {
	p.crowds[c.Path]++
	if c.Path.LocksOnly() && !c.Readable() {
		return
	}
	p.name(c.Path.Clean(), c.Path)
	if key, through := c.Path.AccessPointKey(); through {
		for _, state := range tflock.NewPath("-", key).Objects() {
			p.name(tflock.NewPath("", state.Key()), c.Path)
		}
	}
}

func (p *planner) name(state, name tflock.Path) {
	if names := p.names[state]; len(names) < 2 && !slices.Contains(names, name) {
		p.names[state] = append(names, name)
	}
}

// named are the names under which something is locked on a state: its own, and those that begin with an access point, which may lead to
// any bucket.
func (p *planner) named(path tflock.Path) []tflock.Path {
	clean := path.Clean()
	return slices.Concat(p.names[clean], p.names[tflock.NewPath("", clean.Key())])
}

// held says which remembered locks the scan saw.
func (p *planner) held() func(ledger.Key) bool {
	held := map[ledger.Key]bool{}
	if len(p.known.memory.Locks) > 0 {
		for c := range p.found.Locks() {
			held[ledger.KeyOf(c.Lock)] = true
		}
	}
	return func(key ledger.Key) bool { return held[key] }
}

// forgettable returns the remembered locks that are no longer held. Plans, and wishes that a
// lock stays, are not forgotten after a scan that did not see everything on the lock's path, nor
// where one of its stores was not read, as when it is not watched any more, nor is a wish since
// the scan began: the lock may be younger than it. A check of a lock that the scan did not see is
// forgotten: it is made again, and whoever may write one prefix could add to them with each scan.
func (p *planner) forgettable(held func(ledger.Key) bool) []ledger.Key {
	return p.known.memory.NotHeld(func(key ledger.Key) bool {
		known := p.known.memory.Locks[key]
		if known.Plan == nil && known.Keep == nil {
			return held(key)
		}
		return held(key) || !p.found.Whole(key.Path) || !p.read(known.Stores()) || (known.Keep != nil && !known.Keep.At.Before(p.found.Started))
	})
}

// read reports whether the scan read each of these stores to its end. Where none is known it
// did not: such rows are of older versions, and expire.
func (p *planner) read(stores []string) bool {
	for _, store := range stores {
		if !slices.Contains(p.found.Watched, store) || p.found.Failed(store) {
			return false
		}
	}
	return len(stores) > 0
}

// fallen are the locks whose plans this scan did not confirm, whatever the reason: something
// holds the lock back, AutoRelease does not select it any more, or the scan did not see it.
// What changes back later needs a new plan, of which people are notified. A plan in report
// mode promises nothing, so it stays while scans look at its lock, or cannot read one of its stores: people are notified once. The
// others would add up: whoever may write one prefix can have other locks looked at with each scan.
func (p *planner) fallen() []ledger.Key {
	known := p.known.memory
	if p.known.forgotten != nil {
		known = p.known.earlier
	}
	var list []ledger.Key
	for key, auto := range known.Locks {
		_, looked := p.checks[key]
		passed := !looked && len(p.checks) > 0 && p.read(auto.Stores()) // without any check nobody could ask
		if auto.Plan != nil && (auto.Plan.Mode == policy.AutoRelease || passed) && !p.stands[key] {
			list = append(list, key)
		}
	}
	return list
}

// decide says what holds a lock back, or that its release is to be planned or is due.
func (p *planner) decide(q *evidence.Question) {
	key := ledger.KeyOf(q.Case.Lock)
	check := ledger.Check{At: p.found.Started.UTC(), Run: q.Case.Run, Selected: p.known.selected(q.Case), Stores: ledger.StoresOf(q.Case.Lock)}
	if check.Selected {
		check.HeldBack = p.heldBack(q, key)
	}
	p.checks[key] = check
}

func (p *planner) heldBack(q *evidence.Question, key ledger.Key) []string {
	if p.known.forgotten != nil {
		return []string{"what was planned earlier is not known: " + p.known.forgotten.Error()}
	}
	known := p.known.memory.Locks[key]
	facts := policy.AutoCase{Tags: &q.Tags, Alone: p.found.Whole(q.Case.Path) && p.crowds[q.Case.Path] == 1}
	for _, name := range p.named(q.Case.Path) {
		if name != q.Case.Path {
			facts.Alias = name
		}
	}
	if known.Keep != nil {
		facts.KeptBy = known.Keep.By
	}
	reasons := q.Case.HeldBack(facts)
	for _, h := range q.Case.Holdings {
		if warning := cmp.Or(p.found.Unsafe[h.Store], p.found.Doubts[h.Store]); warning != "" {
			reasons = append(reasons, warning)
		}
	}
	if len(reasons) > 0 {
		return reasons
	}
	return p.schedule(q, key)
}

// schedule has the release of a lock be planned that nothing holds back, or be made where it
// is due. Else it says what the release waits for.
func (p *planner) schedule(q *evidence.Question, key ledger.Key) []string {
	known := p.known.memory.Locks[key]
	basis, plan := q.Case.Basis(q.Tags), known.Plan
	switch {
	case plan != nil && plan.Mode == p.known.auto.Mode && p.known.auto.Mode == policy.AutoReport:
		return []string{reportOnly} // people were notified once
	case plan == nil || plan.Mode != p.known.auto.Mode || !plan.Basis.Same(basis) || p.unwatched(known):
		store := q.Case.Holdings[0].Store
		may, shared := p.notifier.memory.MayNotify(ledger.ReleasePlanned, store, q.Case.Path, p.found.Ended, p.notifier.rules)
		if !may {
			return []string{tooManyPlans}
		}
		if len(p.planned) == maxPlans {
			return []string{plansOfAScan}
		}
		p.planned = append(p.planned, planned{key, basis, store, shared, alert.PlannedRelease{Description: q.Case.Describe(), Mode: p.known.auto.Mode, NotBefore: p.notBefore()}})
		if p.known.auto.Mode == policy.AutoReport {
			return []string{reportOnly}
		}
		return []string{"its release is planned for the next scan"}
	}
	p.stands[key] = true
	switch earliest := plan.Earliest(p.monitor.ScanEvery); {
	case !p.known.earlier.HasPlan(key, *plan):
		return []string{"its release was planned while this scan was under way"}
	case p.monitor.Now().Before(earliest):
		return []string{"its release was announced for " + policy.Clock(earliest) + " or later"}
	case !plan.Open(p.monitor.Now()):
		return []string{"the unlock function was invoked a moment ago"}
	}
	p.due = append(p.due, q)
	return nil
}

// unwatched reports whether no scan has looked at a planned lock for so long that whatever was
// changed and changed back since then would be missed.
func (p *planner) unwatched(known ledger.AutoRelease) bool {
	return known.Check == nil || p.found.Started.Sub(known.Check.At) > max(time.Hour, 3*p.monitor.ScanEvery)
}

// notBefore is when a lock is released at the earliest whose release is planned now: at the
// next scan. A schedule is early at times, and the scan after the next would be late.
func (p *planner) notBefore() time.Time {
	return p.found.Started.Add(p.monitor.ScanEvery - min(p.monitor.ScanEvery/10, 30*time.Second)).UTC().Truncate(time.Second)
}

// tooManyPlans: each plan is a message, and whoever may change the tags of locks could otherwise fill the channel.
const tooManyPlans = "there were as many messages about planned releases under its prefix as an hour may have: its release is planned in a later scan"

// plansOfAScan: recording them takes the time of the messages that come after them.
const plansOfAScan = "as many releases were planned in this scan as one may plan: its release is planned in a later one"

const reportOnly = "AutoReleaseMode is report: nothing is released"
