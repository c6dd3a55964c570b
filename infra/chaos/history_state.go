package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/lockwarden/lockwarden/infra/local"
)

// overtaken reports whether a client has written the state, or its digest, since p took its lock,
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

// meets reports whether whoever locks there keeps a party from working. Clients that are
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

var (
	serialOf         = regexp.MustCompile(`"serial":\s*(\d+)`)
	lineageOf        = regexp.MustCompile(`"lineage":\s*"([^"]+)"`)
	withoutResources = regexp.MustCompile(`"resources":\s*\[\]`)
)
