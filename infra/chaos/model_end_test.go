package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// again is whoever asked for a release, and asks once more.
type again struct{ unlockRequest }

func (a again) run(p *process, cfg aws.Config) error {
	return p.model.release(p, cfg, a.unlockRequest)
}

// heal lets the next runs of everything come, an hour later, and checks what must be true
// then.
func (m *model) heal() {
	if len(m.history.broken) > 0 || m.auto.Mode != "" { // what comes after automatic releases is what comes after all others
		return
	}
	m.history.unpaid(func(of *party) bool {
		return slices.ContainsFunc(m.processes, func(p *process) bool { return p.party == of && p.dead })
	})
	m.passes(time.Hour)
	var last []*process
	for _, p := range m.processes {
		if r, is := p.actor.(*repairing); is && p.started {
			last = append(last, &process{kind: "repair", key: p.key, actor: r})
		}
	}
	last = append(last, &process{kind: "prune", actor: pruning{paths: everything}})
	for _, id := range slices.Sorted(maps.Keys(m.asked)) {
		last = append(last, &process{kind: "unlock", actor: again{m.asked[id]}})
	}
	last = append(last, &process{kind: "monitor", actor: scanning{}})
	for i, p := range last {
		p.model, p.number = m, len(m.processes)+i
		p.party = &party{name: "the healing " + p.kind, lockwarden: true, looksAgain: p.kind == "repair", restores: p.kind == "repair"}
		m.goOn(p, burst{calls: 1000})
		if p.failed != nil {
			m.history.breaks("the healing %s failed: %v", p.kind, p.failed)
		}
		if p.kind == "prune" {
			m.allPruned()
		}
	}
	m.atEnd()
}

// atEnd are the laws of the end: no lock of our own, everything was reported, and what could be
// pruned was.
func (m *model) atEnd() {
	events, err := m.events()
	if err != nil {
		m.t.Fatal(err)
	}
	for at, raw := range m.current.locks {
		_, key, _ := strings.Cut(at, " ")
		if isOwn(raw) {
			m.history.breaks("a lock of our own is left: %s", at)
		} else if events["lock.stuck "+key] == 0 {
			m.history.breaks("alert lost: the lock of a dead client on %s was never reported: %v", key, events)
		}
	}
	for _, key := range modelKeys {
		path := m.Path(key)
		if m.history.states[string(path)].deleted && m.prunes[string(path)] && events["prune.report "+key] == 0 {
			m.history.breaks("alert lost: %s was pruned, and that was not reported", key)
		}
	}
}

// allPruned: a prune that nothing disturbs leaves no empty state that nobody has locked.
func (m *model) allPruned() {
	for _, key := range modelKeys {
		path := m.Path(key)
		s := m.history.states[string(path)]
		if !s.deleted && withoutResources.MatchString(s.body) && m.history.holder(string(path)) == "" && m.history.unreadable(string(path)) == "" {
			m.history.breaks("the last prune left %s, which is empty and not locked: %s", key, s.body)
		}
	}
}
