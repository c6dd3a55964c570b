package main

import (
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// pass lets a call through, and checks the laws of every moment against what it changed.
func (m *model) pass(w *waiting, f fate) {
	a, before := w.actor, m.lies
	if a.mute && strings.HasPrefix(w.name, "Publish") {
		f = diesBefore
	}
	what := map[fate]string{diesBefore: ", and it dies before", diesAfter: ", and it dies after"}[f]
	m.trace = append(m.trace, fmt.Sprintf("%s: %s%s", a, w.name, what))
	if a.holds && !a.dead {
		m.stillHeld(a)
	}
	got := m.gate.pass(w, f)
	defer func() { w.answer <- got }()
	if !w.deed() {
		return
	}
	var err error
	if m.lies, err = m.contents(); err != nil {
		m.t.Fatal(err)
	}
	if a.client() {
		m.clientDid(a, before)
		return
	}
	m.lockwardenDid(a, before)
}

// stillHeld: nobody takes the lock of a client that is alive.
func (m *model) stillHeld(a *actor) {
	places := map[string][]string{modelKeys[0]: {"bucket", m.Table}, modelKeys[1]: {"bucket"}, modelKeys[2]: {m.Table}}[a.key]
	for _, place := range places {
		if !strings.Contains(m.lies.locks[place+" "+a.key], a.id) {
			m.breaks("lock of a live client gone: %s in %s", a, place)
		}
	}
}

// clientDid: a client that writes under its lock writes upon what it read.
func (m *model) clientDid(a *actor, before contents) {
	for _, key := range modelKeys {
		if m.lies.newest[key] == before.newest[key] && m.lies.deleted[key] == before.deleted[key] {
			continue
		}
		if a.lockless {
			for _, other := range m.actors {
				other.untouched = other.untouched && other.key != key
			}
		}
		there := before.newest[key]
		if before.deleted[key] {
			there = ""
		}
		if a.holds && a.untouched && there != a.read {
			m.breaks("state changed under a client's lock: %s read %q and wrote over %q", a, a.read, there)
		}
		delete(m.gone, key)
		if !a.lockless {
			m.counts(key)
		}
	}
	for _, key := range modelKeys { // a client that dies between state and digest leaves them at odds
		m.torn[key] = m.odd(m.lies, key)
	}
}

// counts: the serials of a lineage never go back.
func (m *model) counts(key string) {
	var serial int
	var lineage string
	text := m.lies.newest[key]
	if _, err := fmt.Sscanf(text[strings.Index(text, `"serial":`):], `"serial":%d,"lineage":%q`, &serial, &lineage); err != nil {
		m.t.Fatal(err)
	}
	if serial < m.serial[key+lineage] {
		m.breaks("serial of %s went back from %d to %d", key, m.serial[key+lineage], serial)
	}
	m.serial[key+lineage] = serial
}

// lockwardenDid: only our own locks and the named one go, and only empty states, whose
// lock nobody else has.
func (m *model) lockwardenDid(a *actor, before contents) {
	for at, raw := range before.locks {
		if m.lies.locks[at] == raw {
			continue
		}
		info, _ := tflock.ParseInfo([]byte(raw))
		if mine := info.Who == ours; !mine && (a.kind != "unlock" || !m.may[info.ID]) {
			m.breaks("lock released that nobody named: %s by %s", raw, a)
		}
	}
	for at, raw := range m.lies.locks {
		if before.locks[at] != raw && !strings.Contains(raw, ours) {
			m.breaks("lock taken in another's name: %s %s by %s", at, raw, a)
		}
	}
	for _, key := range modelKeys {
		if m.lies.newest[key] != before.newest[key] {
			m.breaks("state lost: %s by %s", key, a)
		}
		if m.lies.deleted[key] && !before.deleted[key] {
			m.gone[key] = true
			m.mayGo(a, before, key)
		}
		if !m.lies.deleted[key] {
			delete(m.gone, key)
		}
		if m.odd(m.lies, key) && !m.odd(before, key) {
			m.breaks("state unreadable: %s by %s", key, a)
		}
	}
}

func (m *model) mayGo(a *actor, before contents, key string) {
	if strings.Contains(before.newest[key], "managed") {
		m.breaks("state deleted that is not empty: %s by %s", key, a)
	}
	for _, place := range []string{"bucket", m.Table} {
		if raw := before.locks[place+" "+key]; raw != "" && !strings.Contains(raw, ours) {
			m.breaks("state deleted under the lock of another: %s by %s under %s", key, a, raw)
		}
	}
}

// odd says whether a digest contradicts its state.
func (m *model) odd(c contents, key string) bool {
	for _, sentence := range c.readable() {
		if strings.Contains(sentence, key+" ") {
			return true
		}
	}
	return false
}
