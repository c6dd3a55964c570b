package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A client releases a lock by its ID, in whichever checkout the command is run. Whoever writes one prefix copies the ID of a live lock
// of another team's into a lock of the same name, which becomes stuck: its alert has no such command, alone or among others.
func TestNoClientsCommandReleasesAnotherStatesLock(t *testing.T) {
	const path, victim = "b/dev/production/terraform.tfstate", "b/production/terraform.tfstate"
	for _, others := range []int{0, 10} {
		w := newWorld(t)
		take := func(path tflock.Path, id string, age time.Duration) {
			raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Created: w.now.Add(-age), Path: string(path)}.Marshal()
			if err == nil {
				_, err = w.locks().Acquire(t.Context(), path, raw)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"
		take(victim, id, time.Minute) // it is alive
		take(path, id, time.Hour)
		take("b/other/x", "11111111-7284-5b8c-b34c-620445a03e9c", time.Hour)
		for i := range others {
			take(tflock.Path(fmt.Sprintf("b/dev/%d", i)), fmt.Sprintf("2222222%d-7284-5b8c-b34c-620445a03e9c", i), time.Hour)
		}
		w.must()
		seen := map[string]alert.Actions{}
		for _, e := range w.events() {
			if e.Lock != nil {
				seen[e.Lock.Path] = e.Actions
			}
			for _, i := range e.Locks {
				if i.Actions != nil {
					seen[i.Path] = *i.Actions
				}
			}
		}
		if a, shown := seen[path]; !shown || a.ForceUnlock != "" {
			t.Errorf("with %d others: %v: in a checkout of %s this releases a live lock: %s", others, shown, victim, a.ForceUnlock)
		}
		if a := seen["b/other/x"]; a.ForceUnlock == "" {
			t.Errorf("with %d others: a lock with an ID of its own has no client's command", others)
		}
	}
}
