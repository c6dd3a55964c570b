package main

import (
	"testing"
	"time"
)

// A client whose answer was lost waits for its own lock, and takes it again, with the same bytes, once
// somebody releases it. Whoever repeats the release then meets a run that has just begun.
func TestALockThatItsClientTookAgainIsYoung(t *testing.T) {
	t.Parallel()
	for key, halves := range map[string]int{modelKeys[0]: 2, modelKeys[1]: 1, modelKeys[2]: 1} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			p := plan{paths: key, orphans: make([]bool, len(modelKeys)), actors: []drawn{
				{kind: "mistaken", key: key, writes: 1}, {kind: "monitor"}, {kind: "unforced", target: 0}, {kind: "unforced", target: 0},
			}}
			broken := try(t, engineWorld(t), nil, p, func(m *model) {
				client, monitor, first, second := m.processes[0], m.processes[1], m.processes[2], m.processes[3]
				waits := burst{writes: true, calls: halves*2 - 1} // what it takes, and what it gives back
				m.goOn(client, waits)
				m.goOn(monitor, burst{calls: 1000})
				m.later(17 * time.Minute)
				m.goOn(first, burst{calls: 1000})
				if m.history.holds(string(m.Path(key)), client.id) {
					m.history.breaks("the lock that its client waits for was not released")
				}
				m.goOn(client, burst{writes: true, calls: halves})
				if !m.history.holds(string(m.Path(key)), client.id) {
					m.history.breaks("the client did not take its lock again")
				}
				m.goOn(second, burst{calls: 1000})
				m.finish()
			})
			if broken != "" {
				t.Fatal(broken)
			}
		})
	}
}
