package main

import (
	"flag"
	"fmt"
	"testing"
	"time"
)

// everyDuel is how many duels are left out between two that are made.
var everyDuel = flag.Int("duels", 29, "make every nth duel; 1: all of them")

// onMoto has models play on the local AWS, in place of the one in this process.
var onMoto = flag.Bool("moto", false, "play on moto")

// duels are who meet on one key, one of them Lockwarden's. The key is the first one where
// none is given.
var duels = [][2]drawn{
	{{kind: "prune"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "prune"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "prune"}, {kind: "prune"}},
	{{kind: "prune", same: true}, {kind: "prune", same: true}},
	{{kind: "prune"}, {kind: "restore"}},
	{{kind: "prune"}, {kind: "restore", same: true}}, // of what is gone already
	{{kind: "restore"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "restore"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "unlock", target: orphan}, {kind: "successor", writes: 1, managed: true}},
	{{kind: "unlock", target: orphan}, {kind: "unlock", target: orphan}},
	{{kind: "unlock", target: orphan}, {kind: "prune"}},
	{{kind: "monitor"}, {kind: "successor", writes: 1, managed: true}},
	// A client whose clock is slow, and one that waits: somebody believes that its lock is old.
	{{kind: "unforced", target: 1}, {kind: "client", writes: 1, managed: true, clock: -time.Hour}},
	{{kind: "unforced", target: 1, key: modelKeys[2]}, {kind: "client", writes: 1, managed: true, clock: -time.Hour, key: modelKeys[2]}},
	{{kind: "unforced", target: 1}, {kind: "waiter", writes: 1, managed: true, clock: -time.Hour}},
	{{kind: "prune"}, {kind: "waiter", writes: 1, managed: true}},
	{{kind: "accept"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "accept"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "delete digest"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "delete digest"}, {kind: "prune"}},
	{{kind: "roll back"}, {kind: "client", writes: 2, managed: true}},
	{{kind: "roll back"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "roll back"}, {kind: "prune"}},
	{{kind: "roll back"}, {kind: "roll back"}},
	{{kind: "roll back"}, {kind: "old", writes: 1, managed: true}},
	{{kind: "restore"}, {kind: "old", writes: 1, managed: true}},
	{{kind: "prune"}, {kind: "old", writes: 1, managed: true}},
}

// ending is how it ends for the first of a duel, once the second has come as far as it
// may.
type ending string

const (
	goesOn        ending = "goes on"
	diesThen      ending = "dies of its next write"
	cannotPublish ending = "dies before it can publish" // functions only
)

// publishes are those that do.
var publishes = map[string]bool{"prune": true, "unlock": true, "unforced": true, "monitor": true}

// tries counts the interleavings of a test, and says which of them are made.
type tries struct {
	*testing.T
	world   *world
	outside *courier
	n, made int
}

func newTries(t *testing.T) *tries {
	t.Helper()
	if *onMoto {
		return &tries{T: t, world: makeModelWorld(t), outside: newCourier()}
	}
	return &tries{T: t, world: engineWorld(t)}
}

// each plays a plan with every i and j, as far as more and moreToo of play say: whether the
// first, or the second, writes more often than that. Of those that are left out it is not
// known.
func (t *tries) each(p plan, name func(i, j int) string, play func(m *model, i, j int) (more, moreToo bool)) {
	t.Helper()
	for i, more := 0, true; more; i++ {
		for j, moreToo := 0, true; moreToo; j++ {
			t.n++
			if t.n%*everyDuel != 0 {
				more, moreToo = i < 8, j < 8
				continue
			}
			t.made++
			if broken := try(t.T, t.world, t.outside, p, func(m *model) { more, moreToo = play(m, i, j) }); broken != "" {
				t.Fatalf("%d, %s: %s", t.made, name(i, j), broken)
			}
		}
	}
}

func duelPlan(pair [2]drawn) plan {
	p := plan{paths: modelKeys[0], orphans: make([]bool, len(modelKeys)), actors: []drawn{pair[0], pair[1]}}
	p.orphans[0] = pair[0].target == orphan || pair[1].kind == "successor" || pair[1].kind == "waiter"
	p.halves = pair[1].kind == "waiter" // it takes its object, and waits for the row
	p.gone = pair[0].kind == "restore" || (pair[1].kind == "restore" && pair[1].same)
	for i := range p.actors {
		if p.actors[i].key == "" {
			p.actors[i].key = modelKeys[0]
		}
	}
	return p
}

// duel has the first stop before the write after i, and the other before the one after j.
// It says of each whether it has more writes than that.
func (m *model) duel(first int, end ending, i, j int) (more, moreToo bool) {
	one, other := m.processes[first], m.processes[1-first]
	one.cannotPublish = end == cannotPublish
	more = m.goOn(one, burst{writes: true, calls: i})
	moreToo = m.goOn(other, burst{writes: true, calls: j})
	if end == diesThen {
		m.goOn(one, burst{calls: 1, fate: diesAfter})
	} else {
		m.goOn(one, burst{calls: 1000})
	}
	m.finish()
	return more, moreToo
}

// A client waits for its lock, and the monitor sees what it has at that moment. Some time
// later, wherever the client is by then, somebody releases its lock without force: what
// was seen of it before must not count for a half that it has just taken.
func TestWaiting(t *testing.T) {
	all := newTries(t)
	for _, key := range []string{modelKeys[0], modelKeys[2]} {
		p := plan{paths: key, halves: true, orphans: []bool{true, false, true}, actors: []drawn{
			{kind: "waiter", key: key, writes: 1, managed: true}, {kind: "monitor"}, {kind: "unforced", target: 0},
		}}
		all.each(p, func(i, j int) string {
			return fmt.Sprintf("a client that waits for %s stops before write %d for the monitor, and after %d more for the release", key, i+1, j)
		}, func(m *model, i, j int) (more, moreToo bool) {
			waiter := m.processes[0]
			more = m.goOn(waiter, burst{writes: true, calls: i})
			m.goOn(m.processes[1], burst{calls: 1000})
			m.later(17 * time.Minute)
			moreToo = m.goOn(waiter, burst{writes: true, calls: j})
			m.goOn(m.processes[2], burst{calls: 1000})
			m.finish()
			return more, moreToo
		})
	}
	t.Log(all.made, "interleavings")
}
