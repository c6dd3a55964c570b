package main

import (
	"fmt"
	"os"
	"time"

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
	loud    bool // what is broken is said at once: a long race need not come to its end first
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
	from       int        // the moment at which its scan began, before it read what was planned
	reading    bool       // its scan has begun to read
	claiming   bool       // its scan counts invocations at the brake
	// Of a client:
	id       string         // of its lock
	session  string         // of its role
	places   map[place]bool // where it takes its locks
	lockless bool           // it takes no lock, or lost it to a release that was allowed
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
	law := h.now().UTC().Format("15:04:05.000 ") + fmt.Sprintf(format, args...)
	h.broken = append(h.broken, law)
	if h.loud {
		fmt.Fprintln(os.Stderr, "BROKEN:", law)
	}
}
