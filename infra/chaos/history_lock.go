package main

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

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

// holder returns the ID of a client's lock on a path, or empty.
func (h *history) holder(path string) string {
	for at, l := range h.locks {
		if at.path() == path && !l.own {
			return l.id
		}
	}
	return ""
}

// unknown reports whether a function could not know of a lock: it is a row by another name
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

// holds reports whether a half of the lock of that ID is on a path.
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
