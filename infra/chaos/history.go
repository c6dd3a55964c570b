package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// history is what really happened to a backend, one change after the other, and checks
// each change against the laws. The model, the duels and the race share it. It is not safe
// for concurrent use.
type history struct {
	now   func() time.Time
	guard time.Duration // no release without force of a lock that has been held for less

	locks        map[place]lock
	digests      map[place]string  // by the path's place
	states       map[string]state  // by path
	serials      map[string]int    // the highest of each path and lineage
	torn         map[string]bool   // paths whose digest a client left wrong
	lastWriter   map[string]*party // who wrote the state of a path
	owed         map[string]*party // paths with a digest that a repair wrote too late, and has to take back
	lastDigest   map[string]int    // the same of its digests
	lastDigester map[string]*party
	lastWrite    map[string]int  // which change wrote the state of a path
	removed      map[string]bool // paths whose state Lockwarden deleted
	bodies       map[place]bool  // every state that there was, by its path and bytes
	autoHistory
	ended   map[string]bool // IDs of clients that are dead or done
	changes int
	broken  []string
}

// place is where one half of a lock, or a digest, is stored. The name is the path, or what
// Terraform up to 1.5 makes of it in a row.
type place struct{ store, name string }

// The stores.
const (
	inBucket = "bucket"
	inTable  = "table"
)

func (p place) String() string { return p.store + " " + p.name }

// path is that of the state.
func (p place) path() string {
	if p.store == inTable {
		return string(tflock.Path(p.name).Clean())
	}
	return p.name
}

// lock is one half, with the time at which it was really taken.
type lock struct {
	id     string
	own    bool // Lockwarden's
	by     *party
	taken  time.Time
	nth    int // it is the nth change
	moment int
}

// state is the newest version on a path.
type state struct {
	body    string
	deleted bool
}

// party is who makes changes: one client, or one run of a function.
type party struct {
	name string
	// Of a function:
	lockwarden bool
	began      int    // the number of changes by then
	releases   string // the ID of the lock that it is asked to release
	at         string // the path that it is asked to release it on; empty: the ID alone was named
	forced     bool
	restores   bool       // it may make an older version of a state the newest
	looksAgain bool       // under its lock it asks once more for other names of the state
	auto       *automatic // it is invoked by the monitor; nil: it is not
	from       int        // the moment at which its scan began
	// Of a client:
	id       string         // of its lock
	session  string         // of its role
	places   map[place]bool // where it takes its locks
	lockless bool           // it takes no lock, or lost it to a release that was allowed
}

// what is a kind of thing that changes.
type what int

const (
	lockChange what = iota
	digestChange
	stateChange
)

// change is one thing that was written or deleted.
type change struct {
	what what
	at   place  // of a state: its name alone
	body string // empty: it was deleted
}

func newHistory(now func() time.Time, guard time.Duration) *history {
	return &history{
		now: now, guard: guard, autoHistory: newAutoHistory(), locks: map[place]lock{}, digests: map[place]string{}, states: map[string]state{},
		serials: map[string]int{}, torn: map[string]bool{}, removed: map[string]bool{}, bodies: map[place]bool{}, lastWrite: map[string]int{}, lastWriter: map[string]*party{}, lastDigest: map[string]int{}, lastDigester: map[string]*party{}, owed: map[string]*party{}, ended: map[string]bool{},
	}
}

// record notes a change, and what is wrong with it.
func (h *history) record(p *party, c change) {
	h.changes++
	path := c.at.path()
	torn, was := h.unreadable(path), h.locks[c.at]
	switch {
	case c.what == lockChange && c.body == "":
		h.unlocked(p, c.at)
	case c.what == lockChange:
		h.locked(p, c)
	case c.what == digestChange && c.body == "":
		delete(h.digests, c.at)
	case c.what == digestChange:
		h.digests[c.at] = c.body
	case c.body == "":
		h.deleted(p, path)
	default:
		h.written(p, path, c.body)
	}
	if c.what == digestChange {
		h.lastDigest[path], h.lastDigester[path] = h.changes, p
	}
	h.noteAuto(p, c, was)
	if why := h.unreadable(path); !p.lockwarden {
		h.torn[path] = why != ""
	} else if why != "" && torn == "" && (h.overtaken(p, path, h.lastWrite, h.lastWriter) || h.overtaken(p, path, h.lastDigest, h.lastDigester)) {
		h.owed[path] = p
	} else if why != "" && torn == "" {
		h.breaks("state unreadable: %s by %s", why, p.name)
	} else if why == "" {
		h.torn[path] = false
	}
}

// overtaken says whether a client has written the state, or its digest, since p took its lock,
// for that lock does not exclude it. A repair then has to bring its digest in line.
func (h *history) overtaken(p *party, path string, last map[string]int, by map[string]*party) bool {
	for at, l := range h.locks {
		if p.restores && at.path() == path && l.own && l.by == p && by[path] != p && last[path] > l.nth {
			return true
		}
	}
	return false
}

// unpaid are the digests that were to be taken back, by runs that did not die.
func (h *history) unpaid(died func(p *party) bool) {
	for path, p := range h.owed {
		if why := h.unreadable(path); why != "" && !died(p) && h.lastWriter[path] != nil && !h.torn[path] {
			h.breaks("state left unreadable: %s by %s", why, p.name)
		}
	}
}

func (h *history) locked(p *party, c change) {
	info, err := tflock.ParseInfo([]byte(c.body))
	l := lock{info.ID, err == nil && isOwn(c.body), p, h.now(), h.changes, h.moment + 1}
	if was, there := h.locks[c.at]; there {
		h.breaks("lock overwritten: %s at %s, by %s of %s", was.id, c.at, l.id, p.name)
	}
	switch {
	case !p.lockwarden:
		p.id = l.id
		if p.places == nil {
			p.places = map[place]bool{}
		}
		p.places[c.at] = true
	case !l.own:
		h.breaks("lock taken in another's name: %s at %s by %s", c.body, c.at, p.name)
	}
	h.locks[c.at] = l
	if c.at.store == inBucket {
		h.objects[lockName{c.at.path(), l.id}] = l.taken
	}
}

func (h *history) unlocked(p *party, at place) {
	l, there := h.locks[at]
	delete(h.locks, at)
	if at.store == inBucket && !p.lockwarden {
		delete(h.objects, lockName{at.path(), l.id})
	}
	switch {
	case !there, p.lockwarden && l.own, !p.lockwarden && l.id == p.id:
	case p.lockwarden:
		h.released(p, l, at)
	case l.own && !p.lockless:
		h.breaks("a client removed the lock of Lockwarden: %s at %s", p.name, at)
	case !p.lockless:
		h.breaks("a client removed another's lock: %s removed %s at %s", p.name, l.id, at)
	}
}

// released holds the release of a client's lock against the laws. Without force Lockwarden
// may release the lock of a client that is alive, for nothing shows that it is, but only
// one that is old enough.
func (h *history) released(p *party, l lock, at place) {
	held := h.now().Sub(h.heldSince(l, at.path()))
	if p.auto != nil {
		h.releasedAutomatically(p, l, at)
	}
	switch {
	case p.releases != l.id, p.at != "" && p.at != at.name:
		h.breaks("lock released that nobody named: %s at %s by %s", l.id, at, p.name)
	case p.forced && !h.ended[l.id]:
		h.breaks("lock of a live client released: %s at %s by %s", l.id, at, p.name)
	case !p.forced && held < h.guard:
		h.breaks("lock released without force that was held for %s: %s at %s by %s", held, l.id, at, p.name)
	case !h.ended[l.id] && l.by != nil:
		l.by.lockless = true
	}
}

// heldSince is when a half was taken, or the object of the same lock: a client takes its
// object first, and its row right after it, so that a row is as old as its object.
func (h *history) heldSince(l lock, path string) time.Time {
	if object, had := h.objects[lockName{path, l.id}]; had && object.Before(l.taken) {
		return object
	}
	return l.taken
}

// holder gives the ID of a client's lock on a path, or empty.
func (h *history) holder(path string) string {
	for at, l := range h.locks {
		if at.path() == path && !l.own {
			return l.id
		}
	}
	return ""
}

// unknown says whether a function could not know of a lock: it is a row by another name
// than the state's, which no row had when the function last asked: when it began, or when
// it had taken its own lock. Nothing but the rows of the table shows what such clients call
// a state.
func (h *history) unknown(p *party, at place, l lock) bool {
	if !p.lockwarden || at.name == at.path() || h.digests[at] != "" {
		return false
	}
	asked := p.began
	for own, mine := range h.locks {
		if p.looksAgain && mine.own && mine.by == p && own.path() == at.path() {
			asked = max(asked, mine.nth)
		}
	}
	return l.nth > asked
}

// holds says whether a half of the lock of that ID is on a path.
func (h *history) holds(path, id string) bool {
	for at, l := range h.locks {
		if at.path() == path && l.id == id {
			return true
		}
	}
	return false
}

// endedHolders are the IDs of locks that nobody holds any more.
func (h *history) endedHolders() (ids []string) {
	for _, l := range h.locks {
		if h.ended[l.id] {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// mayTouch holds a change of a state against the locks on it.
func (h *history) mayTouch(p *party, path, done string) {
	other := ""
	for at, l := range h.locks {
		if at.path() == path && !l.own && l.id != p.id && !h.unknown(p, at, l) && p.meets(at) {
			other = l.id
		}
	}
	switch {
	case p.lockless:
	case other != "":
		h.breaks("state %s by %s under the lock of another: %s, %s", done, p.name, path, other)
	case !p.lockwarden && !h.holds(path, p.id):
		h.breaks("a client wrote a state, and its lock was gone: %s on %s", p.name, path)
	}
}

// meets says whether whoever locks there keeps a party from working. Clients that are
// configured to lock elsewhere do not exclude each other, which is not our doing.
func (p *party) meets(at place) bool { return p.lockwarden || p.places == nil || p.places[at] }

func (h *history) deleted(p *party, path string) {
	h.mayTouch(p, path, "deleted")
	was := h.states[path]
	if !was.deleted && !withoutResources.MatchString(was.body) {
		h.breaks("state deleted that is not empty: %s by %s", path, p.name)
	}
	h.states[path] = state{was.body, true}
	h.removed[path] = h.removed[path] || p.lockwarden
}

func (h *history) written(p *party, path, body string) {
	h.mayTouch(p, path, "written")
	was := h.states[path]
	if h.overtaken(p, path, h.lastWrite, h.lastWriter) {
		h.breaks("state overwritten that was written under our lock: %s by %s", path, p.name)
	}
	h.lastWrite[path], h.lastWriter[path] = h.changes, p
	old := p.restores && h.bodies[place{path, body}]
	if p.lockwarden && !old && (!was.deleted || was.body != body) {
		h.breaks("state lost: %s wrote %.100q over %.100q on %s", p.name, body, was.body, path)
	}
	h.states[path] = state{body: body}
	h.bodies[place{path, body}] = true
	number, line := serialOf.FindStringSubmatch(body), lineageOf.FindStringSubmatch(body)
	if number == nil || line == nil {
		h.breaks("what %s wrote to %s is not a state: %.100q", p.name, path, body)
		return
	}
	serial, _ := strconv.Atoi(number[1]) // the expression takes digits alone
	of := path + " " + line[1]
	if serial < h.serials[of] && !p.lockless && !old {
		h.breaks("the serial of %s went back from %d to %d, by %s", of, h.serials[of], serial, p.name)
	}
	h.serials[of] = serial
}

// unreadable says why a client that reads the state now would fail, or is empty: a digest
// is of something else.
func (h *history) unreadable(path string) string {
	s, known := h.states[path]
	actual := local.MD5(s.body)
	if s.deleted || !known {
		actual = "no state"
	}
	for at, digest := range h.digests {
		if at.path() == path && digest != actual {
			return fmt.Sprintf("%s has digest %s, and is %s", at, digest, actual)
		}
	}
	return ""
}

// pruned are the paths of deleted states.
func (h *history) pruned() (paths []string) {
	for path, s := range h.states {
		if s.deleted {
			paths = append(paths, path)
		}
	}
	return paths
}

// said checks an event that was published. A lock that was taken since that scan began
// may be called resolved: it was not there then.
func (h *history) said(p *party, e alert.Event) {
	h.saidAuto(p, e)
	for _, s := range e.States {
		if s.Fate == policy.Pruned && !h.removed[string(s.Path)] {
			h.breaks("%s was reported as pruned, and Lockwarden never deleted it", s.Path)
		}
	}
	if e.Type != alert.LockResolved || e.Lock == nil {
		return
	}
	for at, l := range h.locks {
		if l.id == e.Lock.ID && at.path() == string(tflock.Path(e.Lock.Path).Clean()) && l.nth <= p.began {
			h.breaks("false resolved: %s at %s", l.id, at)
		}
	}
}

func (h *history) breaks(format string, args ...any) {
	h.broken = append(h.broken, h.now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

var (
	serialOf         = regexp.MustCompile(`"serial":\s*(\d+)`)
	lineageOf        = regexp.MustCompile(`"lineage":\s*"([^"]+)"`)
	withoutResources = regexp.MustCompile(`"resources":\s*\[\]`)
)

// changes are what lies between two views of a world, in a fixed order.
func (w *world) changes(before, after contents) []change {
	var list []change
	of := func(kind what, was, is map[string]string) {
		for at := range union(was, is) {
			if was[at] == is[at] {
				continue
			}
			store, key, _ := strings.Cut(at, " ")
			if store != inBucket {
				store = inTable
			}
			list = append(list, change{kind, place{store, string(w.Path(key))}, is[at]})
		}
	}
	of(lockChange, before.locks, after.locks)
	of(digestChange, before.digests, after.digests)
	for key := range union(before.newest, after.newest) {
		if is := after.live(key); is != before.live(key) {
			list = append(list, change{stateChange, place{name: string(w.Path(key))}, is})
		}
	}
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.what, b.what), strings.Compare(a.at.String(), b.at.String()))
	})
	return list
}

func union(a, b map[string]string) map[string]bool {
	keys := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	return keys
}

// live is the state that is there, or empty.
func (c contents) live(key string) string {
	if c.deleted[key] {
		return ""
	}
	return c.newest[key]
}
