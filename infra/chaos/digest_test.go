package main

import (
	"slices"
	"testing"
)

// until lets a process make its calls up to the next one of that name.
func (m *model) until(p *process, name string) {
	for m.steps(p, 0) {
		next := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p })[0]
		if next.name == name {
			return
		}
		m.pass(next, passes)
	}
}

// A prune looks at a state while a repair has taken its digest away, and locks it when the
// digest is back: it must not leave that digest without its state, for no client could then
// use the path. A play of a million found it.
func TestAPruneSeesADigestThatCameSinceItLooked(t *testing.T) {
	t.Parallel()
	key := modelKeys[0]
	p := plan{paths: key, orphans: make([]bool, len(modelKeys)), actors: []drawn{{kind: "client", key: key, writes: 2}, {kind: "roll back", key: key, writes: 1}, {kind: "prune", key: key}}}
	broken := try(t, engineWorld(t), nil, p, func(m *model) {
		client, repair, prune := m.processes[0], m.processes[1], m.processes[2]
		m.goOn(client, burst{calls: 1000})
		m.until(repair, "PutItem "+string(m.Path(key))+"-md5")
		m.until(prune, "PutObject "+string(m.Path(key))+".tflock")
		m.goOn(repair, burst{calls: 1000})
		m.finish()
	})
	if broken != "" {
		t.Fatal(broken)
	}
}
