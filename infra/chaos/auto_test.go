package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// holds has the client take its lock, and stops it there.
func (m *model) takesLock() {
	writes := map[string]int{modelKeys[0]: 2, modelKeys[1]: 1}[m.processes[theJob].key]
	m.goOn(m.processes[theJob], burst{writes: true, calls: writes})
}

// all lets one of them make all of its calls, and the functions that it invokes.
func (m *model) all(i int) {
	m.goOn(m.processes[i], burst{calls: 1000})
	m.invoked(m.processes[i])
}

// invoked lets the functions come to their ends that a monitor invoked, and the monitor.
func (m *model) invoked(p *process) {
	for n := 0; n < len(m.children); n++ {
		m.goOn(m.children[n], burst{calls: 1000})
	}
	m.goOn(p, burst{calls: 1000})
}

// dies lets a process make its calls until one of that name, whose answer it does not live to
// see.
func (m *model) dies(p *process, name string) {
	for m.steps(p, 0) {
		next := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p })[0]
		if next.name == name {
			m.pass(next, diesAfter)
			return
		}
		m.pass(next, passes)
	}
}

// scan has one more monitor come.
func (m *model) scan() {
	p := &process{model: m, number: len(m.processes), kind: "auto", actor: autoScanning{}, party: &party{name: "the next monitor", lockwarden: true}}
	m.processes = append(m.processes, p)
	m.all(p.number)
}

// cancelled has the client's run cancelled, and both be over for long.
func (m *model) cancelled() {
	m.ends(m.processes[theJob].job, "cancelled")
	m.later(17 * time.Minute)
}

const nextScan = 6 * time.Minute

// steps lets a monitor, and the functions that it invokes, make that many calls. It says
// whether there are more.
func (m *model) steps(p *process, n int) bool {
	if !p.started {
		m.begin(p)
	}
	for ; ; n-- {
		synctest.Wait()
		pending := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p && !slices.Contains(m.children, w.process) })
		if len(pending) == 0 {
			return false
		}
		if n == 0 {
			return true
		}
		m.pass(pending[0], passes)
	}
}

// Each condition of an automatic release, violated alone, leads to no release, and all of
// them together do.
func TestAutomatic(t *testing.T) {
	w := engineWorld(t)
	for name, c := range automaticCases {
		t.Run(name, func(t *testing.T) {
			if c.mode == "" {
				c.mode = policy.AutoRelease
			}
			p := plan{paths: everything, orphans: make([]bool, len(modelKeys)), mode: c.mode, actors: c.actors}
			there := false
			broken := try(t, w, nil, p, func(m *model) {
				c.play(m)
				there = m.history.holds(string(m.Path(m.processes[theJob].key)), m.processes[theJob].id)
				m.finish()
			})
			if broken != "" {
				t.Fatal(broken)
			}
			if there != c.stays {
				t.Errorf("its lock is there: %t", there)
			}
		})
	}
}
