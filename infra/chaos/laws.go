package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// violations are broken laws, each in a sentence.
type violations []string

func when(is bool, sentence string) violations { return violations(nil).and(is, sentence) }

func (l violations) and(is bool, sentence string) violations {
	if is {
		return append(l, sentence)
	}
	return l
}

// isOwn reports whether a lock is Lockwarden's: which function has it is in its Who.
func isOwn(lock string) bool {
	info, err := tflock.ParseInfo([]byte(lock))
	return err == nil && strings.HasPrefix(info.Who, "lockwarden-") && strings.HasSuffix(info.Who, "@lambda")
}

// always says which laws are broken that hold at every moment, whatever went wrong.
// releases says that the named lock may go.
func (w *world) always(c contents, releases bool) []string {
	l := append(w.locksKept(c, releases), w.statesKept(c)...)
	l = append(l, w.readable(c)...)
	l = append(l, w.evidence()...)
	events, err := w.events()
	if err != nil {
		return append(l, err.Error())
	}
	l = l.and(events["lock.released "+named] > 0 && w.whole(c), "a release of the named lock was reported, and all of it is there")
	for _, key := range []string{named, other} {
		l = l.and(w.holds(c, key) && events["lock.resolved "+key] > 0, "false resolved: "+key)
	}
	return l
}

// locksKept: no lock goes but the named one, and none comes but our own.
func (w *world) locksKept(c contents, releases bool) (l violations) {
	for at, raw := range w.first.locks {
		if w.rivals[at] != "" {
			continue
		}
		now, there := c.locks[at]
		may := (releases && strings.HasSuffix(at, " "+named)) || isOwn(raw)
		l = l.and(!there && !may, "lock released that nobody named: "+at).and(there && now != raw && (!isOwn(raw) || !isOwn(now)), "lock overwritten: "+at)
	}
	for at, raw := range w.rivals {
		l = l.and(c.locks[at] != raw, "the lock of a rival was released or overwritten: "+at)
	}
	for at, raw := range c.locks {
		if _, before := w.first.locks[at]; !before && w.rivals[at] == "" {
			l = l.and(!isOwn(raw), fmt.Sprintf("lock taken in another's name: %s %s", at, raw))
		}
	}
	return l
}

// statesKept: every state's bytes can be brought back, and only empty ones go that nobody
// else has locked.
func (w *world) statesKept(c contents) (l violations) {
	for key := range w.first.newest {
		l = l.and(!w.mayBe(key, c.newest[key]), "state lost: a restore of "+key+" does not bring its bytes back").
			and(c.deleted[key] && !w.first.deleted[key] && key != empty && !strings.HasPrefix(key, crowded), "state deleted that is not empty: "+key)
	}
	for at, raw := range w.first.locks {
		_, name, _ := strings.Cut(at, " ")
		key := w.Path(name).Clean().Key()
		l = l.and(c.deleted[key] && !w.first.deleted[key] && !isOwn(raw), "state deleted under the lock of another: "+key)
	}
	return append(l, w.keptUnderLocks(c)...)
}

// readable says which states a client that reads them now would fail on: their digest
// says something else, and did not at first.
func (w *world) readable(c contents) (l violations) {
	for at, digest := range c.digests {
		_, key, _ := strings.Cut(at, " ")
		if (key == mismatched || key == orphaned) && digest == w.first.digests[at] {
			continue
		}
		actual := local.MD5(c.newest[key])
		if c.deleted[key] {
			actual = "no state"
		}
		l = l.and(digest != actual, fmt.Sprintf("state unreadable: %s has digest %s, and is %s", key, digest, actual))
	}
	return l
}

// healed says which laws are broken that hold after a run came through that nothing
// disturbed.
func (w *world) healed(c contents, all []function) []string {
	var l violations
	for at := range w.ownLocks(c) {
		l = append(l, "a lock of our own is left: "+at)
	}
	events, err := w.events()
	if err != nil {
		return append(l, err.Error())
	}
	for _, f := range all {
		e := f.in(w.scene)
		for _, news := range e.notifies {
			// A lock that was released before any scan saw it is not reported as stuck.
			silent := news == "lock.stuck "+named && !w.holds(c, named)
			l = l.and(events[news] == 0 && !silent, "alert lost: "+news)
		}
		l = append(l, e.atEnd(w, c)...)
	}
	return l
}

// events counts what was published, by type and the key of the state.
func (w *world) events() (map[string]int, error) {
	all, err := w.published()
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, m := range all {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["default"]), &e); err != nil {
			return nil, err
		}
		for _, path := range w.pathsOf(e) {
			counts[string(e.Type)+" "+strings.TrimPrefix(path, w.Bucket+"/")]++
		}
	}
	return counts, nil
}

// pathsOf are the states that an event is about, each once: none is an empty one, and a
// backend of no state is called "spare".
func (w *world) pathsOf(e alert.Event) []string {
	var paths []string
	if e.Lock != nil {
		paths = append(paths, e.Lock.Path)
	}
	for _, f := range e.Locks {
		paths = append(paths, f.Path)
	}
	if e.Repair != nil {
		paths = append(paths, e.Repair.Path)
	}
	for _, s := range e.States {
		paths = append(paths, string(s.Path))
	}
	if slices.ContainsFunc(e.Stores, func(b alert.Store) bool { return b.ARN == w.spare }) {
		paths = append(paths, "spare")
	}
	if len(paths) == 0 {
		return []string{""}
	}
	return slices.Compact(paths)
}

// holds reports whether a half of the lock is there that the state had at first.
func (w *world) holds(c contents, key string) bool {
	for _, at := range []string{inBucket + " " + key, w.Table + " " + key} {
		if raw := c.locks[at]; raw != "" && raw == w.first.locks[at] {
			return true
		}
	}
	return false
}

// whole reports whether all of the named lock is there that was there at first.
func (w *world) whole(c contents) bool {
	for _, place := range []string{"bucket ", w.Table + " "} {
		if w.first.locks[place+named] != c.locks[place+named] {
			return false
		}
	}
	return true
}

// paths counts the paths that something is locked at.
func (c contents) paths() int {
	paths := map[string]bool{}
	for at := range c.locks {
		_, key, _ := strings.Cut(at, " ")
		paths[key] = true
	}
	return len(paths)
}

// record is all that the ledger has of that kind about a path, or empty.
func (c contents) record(kind, path string) (all string) {
	for _, row := range c.ledger {
		if row["kind"] == kind && row["path"] == path {
			all += row["body"]
		}
	}
	return all
}

func (c contents) remembers(kind, path string) bool { return c.record(kind, path) != "" }

// hasRow reports whether the ledger has a row of that kind about a path, which may have no
// body.
func (c contents) hasRow(kind, path string) bool {
	return slices.ContainsFunc(c.ledger, func(row map[string]string) bool { return row["kind"] == kind && row["path"] == path })
}

// unreported counts the prunes that the ledger believes were not published.
func (c contents) unreported() (n int) {
	for _, row := range c.ledger {
		if _, is := row["unreported"]; is {
			n++
		}
	}
	return n
}

// ownLocks are the locks of our own but those that are there as they were at first. Nobody has come to
// the states of those, or a function could not have done its work there.
func (w *world) ownLocks(c contents) map[string]string {
	own := maps.Clone(c.locks)
	maps.DeleteFunc(own, func(at, raw string) bool { return !isOwn(raw) || w.first.locks[at] == raw })
	return own
}
