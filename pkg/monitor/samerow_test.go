package monitor_test

import (
	"testing"
	"time"
)

// The path of a lock and its ID, put together, name its record. Whoever may write one prefix can choose both so that those of two locks are the
// same text. With one record for two locks DynamoDB refuses the batch that writes it, and nothing behind it was recorded, in any scan.
func TestTwoLocksNeverShareARecord(t *testing.T) {
	w := newWorld(t)
	row := func(path, id string) {
		w.row(path, map[string]string{"Info": `{"ID":"` + id + `","Who":"eve@dev","Created":"` + w.now.Format(time.RFC3339) + `"}`})
	}
	row("b/dev/x", `c\u0000d`)
	row("b/dev/x\x00c", "d")
	row("b/dev/y\x00", `\u0000`)
	row("b/dev/y", `\u0000\u0000`)
	row("b/prod/x", "0a1b2c3d-0000-1111-2222-333344445555")
	w.must()
	w.now = w.now.Add(5 * time.Minute)
	all := w.must().Locks
	if len(all) != 5 {
		t.Fatalf("%d locks", len(all))
	}
	for _, l := range all {
		if l.HeldAtLeastSeconds < 300 {
			t.Errorf("%q on %q is as new as before: %v", l.ID, l.Path, l.Evidence.Reasons)
		}
	}
}
