package main

import (
	"flag"
	"testing"
)

// everyDuel is how many duels lie between two that are made.
var everyDuel = flag.Int("duels", 41, "make every nth duel; 1: all of them")

// duels are who meet on one key, one of them Lockwarden's.
var duels = [][2]drawn{
	{{kind: "prune"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "prune"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "prune"}, {kind: "prune"}},
	{{kind: "prune", same: true}, {kind: "prune", same: true}},
	{{kind: "prune"}, {kind: "restore"}},
	{{kind: "restore"}, {kind: "client", writes: 1, managed: true}},
	{{kind: "restore"}, {kind: "lockless", writes: 1, managed: true}},
	{{kind: "unlock", target: orphan}, {kind: "successor", writes: 1, managed: true}},
	{{kind: "unlock", target: orphan}, {kind: "unlock", target: orphan}},
	{{kind: "unlock", target: orphan}, {kind: "prune"}},
	{{kind: "monitor"}, {kind: "successor", writes: 1, managed: true}},
}

// Most mistakes need one stop at the wrong moment. So each of two stops just before each
// call by which it changes something, while the other goes on as far as each of its own:
// all of that, not a sample drawn from it.
func TestDuels(t *testing.T) {
	w := makeModelWorld(t)
	outside := newCourier()
	n, made := 0, 0
	for _, pair := range duels {
		for _, reverse := range []bool{false, true} {
			p := plan{paths: modelKeys[0], orphans: make([]bool, len(modelKeys)), actors: []drawn{pair[0], pair[1]}}
			p.orphans[0] = pair[0].target == orphan || pair[1].kind == "successor"
			p.gone = pair[0].kind == "restore" || pair[1].kind == "restore"
			for i := range p.actors {
				p.actors[i].key = modelKeys[0]
			}
			first, second := 0, 1
			if reverse {
				first, second = 1, 0
			}
			for i, more := 0, true; more; i++ {
				for j, moreToo := 0, true; moreToo; j++ {
					n++
					if n%*everyDuel != 0 {
						moreToo, more = j < 8, i < 8 // how many there are is seen when they are made
						continue
					}
					made++
					broken := try(t, w, outside, p, func(m *model) {
						more = m.goOn(m.actors[first], burst{deeds: true, calls: i})
						moreToo = m.goOn(m.actors[second], burst{deeds: true, calls: j})
						m.goOn(m.actors[first], burst{calls: 1000})
						m.finish()
					})
					if broken != "" {
						t.Fatalf("duel %d of %s and %s, the first stops before deed %d, the second before %d: %s", made, p.actors[first].kind, p.actors[second].kind, i+1, j+1, broken)
					}
				}
			}
		}
	}
	t.Log(made, "duels")
}
