package main

import (
	"flag"
	"testing"
)

// everyDuel is how many duels lie between two that are made. Two actors and an ending have
// 81 of them to begin with, so that with fewer in between every combination is tried.
var everyDuel = flag.Int("duels", 73, "make every nth duel; 1: all of them")

// duels are who meet on one key, one of them Lockwarden's.
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
}

// ending is what becomes of the first of a duel, once the second has come as far as it
// may.
type ending string

const (
	goesOn    ending = "goes on"
	diesThen  ending = "dies of its next deed"
	diesUnder ending = "dies before it can tell" // functions only
)

// Most mistakes need one stop at the wrong moment. So each of two stops just before each
// call by which it changes something, while the other goes on as far as each of its own:
// all of that, not a sample drawn from it.
func TestDuels(t *testing.T) {
	w := makeModelWorld(t)
	outside := newCourier()
	n, made := 0, 0
	for _, pair := range duels {
		for _, reverse := range []bool{false, true} {
			for _, end := range []ending{goesOn, diesThen, diesUnder} {
				d := duel{plan: duelPlan(pair), end: end}
				if reverse {
					d.first = 1
				}
				if kind := d.plan.actors[d.first].kind; end == diesUnder && kind != "prune" && kind != "unlock" && kind != "monitor" {
					continue // it tells nothing
				}
				for i, more := 0, true; more; i++ {
					for j, moreToo := 0, true; moreToo; j++ {
						n++
						if n%*everyDuel != 0 {
							moreToo, more = j < 8, i < 8 // how many there are is seen when they are made
							continue
						}
						made++
						broken := try(t, w, outside, d.plan, func(m *model) { more, moreToo = d.play(m, i, j) })
						if broken != "" {
							t.Fatalf("duel %d of %v: %d stops before deed %d, the other before %d, and it %s: %s", made, d.plan.actors, d.first, i+1, j+1, end, broken)
						}
					}
				}
			}
		}
	}
	t.Log(made, "duels")
}

// duel is one of all those with two actors.
type duel struct {
	plan  plan
	first int
	end   ending
}

func duelPlan(pair [2]drawn) plan {
	p := plan{paths: modelKeys[0], orphans: make([]bool, len(modelKeys)), actors: []drawn{pair[0], pair[1]}}
	p.orphans[0] = pair[0].target == orphan || pair[1].kind == "successor"
	p.gone = pair[0].kind == "restore" || (pair[1].kind == "restore" && pair[1].same)
	for i := range p.actors {
		p.actors[i].key = modelKeys[0]
	}
	return p
}

// play has the first stop before the deed after i, and the other before the one after j.
// It says of each whether it has more deeds than that.
func (d duel) play(m *model, i, j int) (more, moreToo bool) {
	first, second := m.actors[d.first], m.actors[1-d.first]
	first.mute = d.end == diesUnder
	more = m.goOn(first, burst{deeds: true, calls: i})
	moreToo = m.goOn(second, burst{deeds: true, calls: j})
	if d.end == diesThen {
		m.goOn(first, burst{calls: 1, fate: diesAfter})
	} else {
		m.goOn(first, burst{calls: 1000})
	}
	m.finish()
	return more, moreToo
}
