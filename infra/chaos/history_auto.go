package main

import (
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// autoHistory is what really happened to locks that may be released automatically: when
// their runs ended, what was announced, and what changed since. Moments count everything
// that is noted, changes or not.
type autoHistory struct {
	moment   int
	releases int // of halves of locks, automatically
	mode     policy.AutoMode
	selects  func(path string) bool // what AutoRelease selects

	over      map[string]time.Time         // when the attempt of a run ended that took a lock, by the lock's ID; it may run again
	announced map[lockName][]announced     // its release, the earliest first
	refused   map[lockName]int             // when its release was last refused
	rowAlone  map[lockName]int             // since when its object is gone
	touched   map[string]int               // when anything last changed that a plan rests on, by path
	reran     map[lockName]int             // when its run last ended
	wrote     map[string]written           // when the state of a path was last written
	took      map[lockName]map[string]bool // the sessions that took its object
	slack     time.Duration                // how far the clocks of S3 and of functions may be from the truth
	objects   map[lockName]time.Time       // when a client took its object, unless it has given it back
	kept      map[string]int               // since when somebody wants a lock to stay, by path
	invoked   []invoked
	unbraked  int // how many of them came before the brake was reset
}

type announced struct {
	moment    int
	notBefore time.Time // it is not released before that, as was announced
}

type written struct {
	at     time.Time
	moment int
}

// lockName is how releases name a lock.
type lockName struct{ path, id string }

type invoked struct {
	lockName
	at time.Time
}

func newAutoHistory() autoHistory {
	return autoHistory{
		selects: func(string) bool { return false },
		over:    map[string]time.Time{}, announced: map[lockName][]announced{}, refused: map[lockName]int{}, rowAlone: map[lockName]int{},
		touched: map[string]int{}, reran: map[lockName]int{}, wrote: map[string]written{}, kept: map[string]int{}, objects: map[lockName]time.Time{}, took: map[lockName]map[string]bool{},
	}
}

// automatic is of an invocation of the unlock function by the monitor.
type automatic struct {
	began   int  // the moment
	scan    int  // the moment at which the scan began that asked for it
	asked   bool // it has asked the CI system
	wasOver bool // and the last answer said that the run is completed
}

// hears notes what the CI system answers to it.
func (a *automatic) hears(body []byte) {
	a.wasOver = (a.wasOver || !a.asked) && local.SaysOver(body)
	a.asked = true
}

// claimTime is within which the unlock function is invoked once for a lock.
const claimTime = 150 * time.Second

// brakeTime is within which the unlock function is invoked three times.
const brakeTime = time.Hour

// touch notes a change of something that a plan rests on.
func (h *history) touch(path string) {
	h.moment++
	h.touched[path] = h.moment
}

// ends notes that the attempt of a run ended that a client is in.
func (h *history) ends(path, id string, at time.Time) {
	h.moment++
	h.reran[lockName{path, id}] = h.moment
	h.over[id] = at
}

// keep notes that somebody wants the lock of a path to stay.
func (h *history) keep(path string) {
	h.touch(path)
	h.kept[path] = h.moment
}

// noteAuto notes a change for the laws of automatic releases.
func (h *history) noteAuto(p *party, c change, was lock) {
	path := c.at.path()
	if c.what != digestChange { // a plan rests on the lock, its run, its tags and the state: see policy.Basis
		h.touch(path)
	}
	if name := (lockName{path, h.locks[c.at].id}); c.what == lockChange && c.body != "" {
		if h.took[name] == nil {
			h.took[name] = map[string]bool{}
		}
		h.took[name][p.session] = true
	}
	switch {
	case c.what == stateChange:
		h.wrote[path] = written{h.now(), h.moment}
	case c.what == lockChange && c.at.store == inBucket && c.body == "":
		h.rowAlone[lockName{path, was.id}] = h.moment
	case c.what == lockChange && c.at.store == inBucket:
		delete(h.rowAlone, lockName{path, h.locks[c.at].id})
	}
}

// invokes notes that the monitor invokes the unlock function.
func (h *history) invokes(path, id string) {
	now, name := h.now(), lockName{path, id}
	recent := 0
	for n, i := range h.invoked {
		age := now.Sub(i.at)
		if i.lockName == name && age < claimTime {
			h.breaks("the unlock function was invoked twice for one lock: %s on %s, %s apart", id, path, age)
		}
		if age < brakeTime && n >= h.unbraked {
			recent++
		}
	}
	switch {
	case recent >= 3:
		h.breaks("a fourth automatic release within an hour: %s on %s", id, path)
	case h.mode != policy.AutoRelease:
		h.breaks("the unlock function was invoked in report mode: %s on %s", id, path)
	case !h.selects(path):
		h.breaks("the unlock function was invoked for a lock that AutoRelease does not select: %s on %s", id, path)
	}
	h.invoked = append(h.invoked, invoked{name, now})
}

// releasedAutomatically holds an automatic release against the contract. What changed
// since the unlock function began to look cannot be known to it.
func (h *history) releasedAutomatically(p *party, l lock, at place) {
	name, path, a := lockName{at.path(), l.id}, at.path(), p.auto
	ended, over := h.over[l.id]
	announced := h.announcedBefore(name, a.scan)
	between := func(moment int) bool { return moment > announced.moment && moment <= a.began }
	wrote := h.wrote[path]
	rowAlone := h.rowAlone[name]
	kept := h.kept[path]
	why := ""
	h.releases++
	switch {
	case !over:
		why = "while the run that took it lives"
	case h.now().Sub(ended) <= h.guard:
		why = h.now().Sub(ended).String() + " after its run ended"
	case !a.wasOver:
		why = "although the CI system did not say that its run is over"
	case wrote.at.Truncate(time.Second).After(ended) && wrote.moment <= a.began: // S3 gives whole seconds, as GitHub does
		why = "although its state was written since its run ended"
	case h.rivalSince(at, l.id, a.began):
		why = "although another lock is on its state"
	case kept != 0 && kept <= a.began:
		why = "although somebody wants it to stay"
	case rowAlone != 0 && rowAlone <= a.began:
		why = "although nobody could read its tags, since its object is gone"
	case announced.moment == 0:
		why = "and no earlier scan had announced it"
	case h.now().Add(h.slack).Before(announced.notBefore):
		why = "before the time that was announced"
	case h.refused[name] > announced.moment:
		why = "and it was refused since it was announced"
	case between(h.touched[path]), between(h.reran[name]):
		why = "although something changed since it was announced"
	}
	if why != "" {
		h.breaks("released automatically %s: %s at %s by %s", why, l.id, at, p.name)
	}
}

// announcedBefore is the last announcement of a release at or before a moment. There may be later
// ones: of two scans at once both announce what neither saw planned.
func (h *history) announcedBefore(name lockName, moment int) (last announced) {
	for _, a := range h.announced[name] {
		if a.moment <= moment {
			last = a
		}
	}
	return last
}

// rivalSince reports whether another lock has been on the path since then.
func (h *history) rivalSince(at place, id string, moment int) bool {
	for other, l := range h.locks {
		if other.path() == at.path() && l.id != id && l.moment <= moment {
			return true
		}
	}
	return false
}

// saidAuto notes what was announced and refused.
func (h *history) saidAuto(p *party, e alert.Event) {
	h.moment++
	for _, f := range findingsOf(e) {
		h.evidence(p, f, e.Type)
	}
	for _, name := range namesOf(e) {
		switch {
		case e.Type == alert.LockRefused && p.auto != nil:
			h.refused[name] = h.moment
		case e.Type != alert.LockReleasePlanned:
		case !h.selects(name.path):
			h.breaks("a release was announced that AutoRelease does not select: %s on %s", name.id, name.path)
		default:
			h.announced[name] = append(h.announced[name], announced{h.moment, e.Plan.NotBefore})
		}
	}
}

// evidence holds what is said of a lock against what happened: no session is named that did
// not take it, and it was held for as long as is said to be proven. Halves that were taken
// since the scan began are not in what it says.
func (h *history) evidence(p *party, d policy.Description, in alert.Type) {
	path := string(tflock.Path(d.Path).Clean())
	if d.Witness != nil && !h.took[lockName{path, d.ID}][d.Witness.Session] {
		h.breaks("evidence names a session for a lock that it did not take: %s of %s on %s in %s", d.Witness.Session, d.ID, path, in)
	}
	var taken time.Time
	for at, l := range h.locks {
		switch {
		case at.path() != path || l.id != d.ID:
		case l.nth > p.began:
			return
		case h.heldSince(l, path).After(taken):
			taken = h.heldSince(l, path)
		}
	}
	if said := time.Duration(d.HeldAtLeastSeconds) * time.Second; !taken.IsZero() && said > h.now().Sub(taken)+h.slack {
		h.breaks("age at least is %s of a half that was held for %s: %s on %s in %s", said, h.now().Sub(taken), d.ID, path, in)
	}
}

// namesOf are the locks that an event is about.
func namesOf(e alert.Event) []lockName {
	var all []lockName
	if e.Lock != nil {
		all = append(all, lockName{e.Lock.Path, e.Lock.ID})
	}
	for _, l := range e.Locks {
		all = append(all, lockName{l.Path, l.ID})
	}
	return slices.Compact(all)
}
