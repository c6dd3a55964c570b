package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// heal lets the next runs of everything come, an hour later, and checks what must be
// then.
func (m *model) heal() {
	if len(m.laws) > 0 {
		return
	}
	m.passes(time.Hour)
	last := []*actor{{kind: "prune", run: func(cfg aws.Config) error { return m.sweep(cfg, everything, "the last") }}}
	for _, id := range slices.Sorted(maps.Keys(m.may)) { // whoever asked for a release asks again
		last = append(last, &actor{kind: "unlock", run: func(cfg aws.Config) error {
			_, err := releaseOf(context.Background(), m.world, cfg, id, "again", true)
			return err
		}})
	}
	last = append(last, &actor{kind: "monitor", run: func(cfg aws.Config) error { _, err := watch(context.Background(), m.world, cfg, ""); return err }})
	for i, a := range last {
		a.number = len(m.actors) + i
		run := a.run
		a.run = func(cfg aws.Config) error {
			err := run(cfg)
			if err != nil {
				m.breaks("the healing %s failed: %v", a.kind, err)
			}
			return err
		}
		m.goOn(a, burst{calls: 1000})
	}
	m.afterwards()
}

// afterwards are the laws of the end: no lock of ours, and everybody knows.
func (m *model) afterwards() {
	heard, err := m.heard()
	if err != nil {
		m.t.Fatal(err)
	}
	for at, raw := range m.lies.locks {
		_, key, _ := strings.Cut(at, " ")
		if strings.Contains(raw, ours) {
			m.breaks("a lock of our own is left: %s", at)
		} else if heard["lock.stuck "+key] == 0 {
			m.breaks("alert lost: the lock of a dead client on %s was never told: %v", key, heard)
		}
	}
	for key := range m.gone {
		if heard["prune.report "+key] == 0 {
			m.breaks("alert lost: %s was pruned, and nobody heard of it", key)
		}
	}
	all, err := m.aws.Published(m.Topic)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, message := range all {
		var e alert.Event
		if err := json.Unmarshal([]byte(message.Texts["default"]), &e); err != nil {
			m.t.Fatal(err)
		}
		for at, raw := range m.lies.locks {
			info, _ := tflock.ParseInfo([]byte(raw))
			if e.Type == alert.LockResolved && e.Lock != nil && e.Lock.ID == info.ID {
				m.breaks("false resolved: %s", at)
			}
		}
	}
}
