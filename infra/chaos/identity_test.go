package main

import (
	"fmt"
	"testing"
)

// A client is at work on one state. Somebody takes a lock on a state of their own, writes the
// client's ID into it, and dies or unlocks. Whoever is notified of that lock releases it: by
// ID and path, as our alerts name it, or by the text of an error that shows both. Wherever
// the two are by then, the client's lock stays.
func TestIdentity(t *testing.T) {
	all := newTries(t)
	for _, text := range []bool{false, true} {
		p := plan{paths: everything, orphans: make([]bool, len(modelKeys)), actors: []drawn{
			{kind: "client", key: modelKeys[2], writes: 1, managed: true}, {kind: "copycat", key: modelKeys[0], target: 0}, {kind: "unlock", target: 1, same: text},
		}}
		all.each(p, func(i, j int) string {
			return fmt.Sprintf("a client stops before write %d, who copies its ID dies before write %d, and a release (by text: %t) names that one", i+1, j+1, text)
		}, func(m *model, i, j int) (more, moreToo bool) {
			more = m.goOn(m.processes[0], burst{writes: true, calls: i})
			moreToo = m.goOn(m.processes[1], burst{writes: true, calls: j})
			m.goOn(m.processes[1], burst{calls: 1, fate: diesBefore})
			m.goOn(m.processes[2], burst{calls: 1000})
			m.finish()
			return more, moreToo
		})
	}
	t.Log(all.made, "interleavings")
}
