package monitor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A message that a lock is resolved names the lock that is on its path already, alone and
// among many.
func TestAResolvedLockNamesTheOneThatIsThereNow(t *testing.T) {
	for name, n := range map[string]int{"alone": 1, "among many": alert.SummaryAbove + 1} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for i := range n {
				w.put(fmt.Sprintf("b/%d/x", i), time.Hour)
			}
			w.must()
			w.events()
			w.now = w.now.Add(5 * time.Minute)
			for i := range n {
				path := fmt.Sprintf("b/%d/x", i)
				raw, err := tflock.Info{ID: "next-" + path, Operation: "OperationTypeApply", Who: "bob@desk", Created: w.now, Path: path}.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				w.row(path, map[string]string{"Info": string(raw)})
			}
			w.must()
			events := w.events()
			if len(events) != 1 || events[0].Type != alert.LockResolved {
				t.Fatalf("got %+v", events)
			}
			e := events[0]
			if n == 1 {
				if e.Current == nil || e.Current.ID != "next-b/0/x" || !strings.Contains(e.Text, "locked again, by bob@desk") {
					t.Errorf("got %+v, %s", e.Current, e.Text)
				}
				return
			}
			for _, i := range e.Locks {
				if i.Current == nil || i.Current.ID != "next-"+i.Path {
					t.Errorf("%s: got %+v", i.Path, i.Current)
				}
			}
			if len(e.Locks) != n || !strings.Contains(e.Text, "Locked again already: b/") {
				t.Errorf("%d locks: %s", len(e.Locks), e.Text)
			}
		})
	}
}
