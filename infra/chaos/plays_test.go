//go:build !race

package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The plays of the model are many, and in each of them one call is made at a time: what the race detector could find is found by the
// tests that let the functions run.

// Most mistakes need one stop at the wrong moment. So each of two stops just before each
// call by which it changes something, while the other goes on as far as each of its own:
// all of that, not a sample drawn from it.
func TestDuels(t *testing.T) {
	t.Parallel()
	all := newTries(t)
	for _, pair := range duels {
		if !strings.Contains(pair[0].kind+" and "+pair[1].kind, *only) {
			continue
		}
		for _, first := range []int{0, 1} {
			for _, end := range []ending{goesOn, diesThen, cannotPublish} {
				p := duelPlan(pair)
				if end == cannotPublish && !publishes[p.actors[first].kind] {
					continue
				}
				all.each(p, func(i, j int) string {
					return fmt.Sprintf("duel of %v: %d stops before write %d, the other before %d, and it %s", p.actors, first, i+1, j+1, end)
				}, func(m *model, i, j int) (bool, bool) { return m.duel(first, end, i, j) })
			}
		}
	}
	t.Log(all.made, "duels")
}

// Clients, the monitor, releases, prunes and restores, whose calls pass one at a time in
// any order, and each of which may die at any call: the laws hold after every call, and
// the next runs heal. `make chaos` tries more of them.
func TestAnyInterleaving(t *testing.T) {
	interleaveAll(t, drawPlan)
}

// The same of what meets on locks that may be released automatically.
func TestAutomaticInterleavings(t *testing.T) {
	interleaveAll(t, drawAutomaticPlan)
}

func interleaveAll(t *testing.T, draw *rapid.Generator[plan]) {
	t.Helper()
	players := runtime.GOMAXPROCS(0)
	checks(t, max(1, *interleavings/players))
	for i := range players {
		t.Run(fmt.Sprint("player ", i), func(t *testing.T) {
			t.Parallel()
			interleave(t, engineWorld(t), nil, draw)
		})
	}
}

// The scan that releases stops before each of its calls, and before each of those of the
// unlock function that it invokes, while something happens that forbids the release, or
// another monitor does the same whose clock is ahead.
func TestAutomaticDuels(t *testing.T) {
	t.Parallel()
	w, n := engineWorld(t), 0
	for _, other := range []drawn{
		{kind: "lockless", writes: 1, managed: true}, {kind: "row alone"}, {kind: "row goes"}, {kind: "object goes"}, {kind: "keeper"}, {kind: "keep"}, {kind: "tagger"}, {kind: "rerun", writes: 1}, {kind: "auto", clock: 2 * time.Minute},
	} {
		for i, goesOn := 0, true; goesOn; i++ {
			n++
			p := plan{paths: everything, orphans: make([]bool, len(modelKeys)), mode: policy.AutoRelease, actors: cast(modelKeys[i%2], other)}
			broken := try(t, w, nil, p, func(m *model) {
				m.takesLock()
				m.cancelled()
				m.all(first)
				m.later(nextScan)
				goesOn = m.steps(m.processes[second], i)
				m.all(more)
				m.invoked(m.processes[second])
				m.finish()
			})
			if broken != "" {
				t.Fatalf("%s comes before call %d of the release: %s", other.kind, i+1, broken)
			}
		}
	}
	t.Log(n, "duels")
}
