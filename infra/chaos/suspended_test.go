//go:build !race

package main

import (
	"testing"
	"time"
)

// Two people release a lock, and its client, whose answer was lost, waits for its own lock: it takes that again, with the same bytes, once the first
// release has ended. The second release is suspended meanwhile, after each of its calls. It removes the client's new lock only between its last
// look at earlier releases and the deletes: that instant remains (SECURITY.md).
func TestASuspendedReleaseRemovesNoLockThatIsTakenAgain(t *testing.T) {
	t.Parallel()
	const calls, instant = 40, 2
	for key, halves := range map[string]int{modelKeys[0]: 2, modelKeys[1]: 1, modelKeys[2]: 1} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			var lost []int
			for after := range calls {
				if p := suspendedPlan(key); try(t, engineWorld(t), nil, p, func(m *model) { suspend(m, after, halves) }) != "" {
					lost = append(lost, after)
				}
			}
			if len(lost) > instant {
				t.Errorf("the new lock went where the second release was suspended after %v of its calls", lost)
			}
		})
	}
}

// The same where the second release begins while the first one is under way, and has made some of its calls.
func TestAReleaseThatBeginsDuringAnotherRemovesNoLockThatIsTakenAgain(t *testing.T) {
	t.Parallel()
	const from, to, calls, instant = 6, 12, 14, 2
	for key, halves := range map[string]int{modelKeys[0]: 2, modelKeys[1]: 1, modelKeys[2]: 1} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			for under := from; under <= to; under++ {
				var lost []int
				for after := 1; after < calls; after++ {
					p := suspendedPlan(key)
					if try(t, engineWorld(t), nil, p, func(m *model) { suspendWithin(m, under, after, halves) }) != "" {
						lost = append(lost, after)
					}
				}
				if len(lost) > instant {
					t.Errorf("the new lock went where the first release had made %d calls, and the second was suspended after %v of its own", under, lost)
				}
			}
		})
	}
}

func suspendedPlan(key string) plan {
	return plan{paths: key, orphans: make([]bool, len(modelKeys)), actors: []drawn{
		{kind: "mistaken", key: key, writes: 1}, {kind: "monitor"}, {kind: "unforced", target: 0}, {kind: "unforced", target: 0},
	}}
}

// suspend lets the second release make some calls before the first one begins, and the others once the client has its lock again.
func suspend(m *model, after, halves int) {
	suspendWithin(m, 0, after, halves)
}

// suspendWithin does so once the first one has made some calls.
func suspendWithin(m *model, under, after, halves int) {
	client, monitor, first, second := m.processes[0], m.processes[1], m.processes[2], m.processes[3]
	const all = 1000
	m.goOn(client, burst{writes: true, calls: halves*2 - 1})
	m.goOn(monitor, burst{calls: all})
	m.later(17 * time.Minute)
	if under > 0 {
		m.goOn(first, burst{calls: under, fate: passes})
	}
	if after > 0 {
		m.goOn(second, burst{calls: after, fate: passes})
	}
	m.goOn(first, burst{calls: all})
	m.goOn(client, burst{writes: true, calls: halves})
	m.goOn(second, burst{calls: all})
	m.finish()
}
