package unlock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A row that was taken after the last scan is young, whatever its object says: with a
// thousand watched stores, whose memory is compressed, as with two.
func TestWithManyStoresARowTakenAfterTheScanIsYoung(t *testing.T) {
	w := newWorld(t)
	w.lock("k", victim, w.set.Buckets[0])
	w.scan()
	now := time.Now()
	lease, err := w.memory().Begin(t.Context(), "test", now, now, func(k ledger.Key) (ledger.Key, bool) { return k, true })
	if err != nil {
		t.Fatal(err)
	}
	stores := lease.Memory.Stores
	for _, s := range w.set.All() { // read a moment ago, in the clock of the call
		stores[s.ARN()] = ledger.Store{LastRead: now.Add(w.ahead - time.Minute)}
	}
	for i := range 1000 {
		stores[fmt.Sprintf("arn:aws:dynamodb:eu-central-1:123456789012:table/locks-of-team-%d", i)] = ledger.Store{LastRead: now}
	}
	if err := lease.End(t.Context(), stores); err != nil {
		t.Fatal(err)
	}
	w.lock("k", victim, w.set.Tables[0]) // its client waited for the row until now
	if a, err := w.run(&local.Wire{}, request(w, victim, "")); err != nil || a.Outcome != unlock.Refused {
		t.Errorf("got %+v, %v", a, err)
	}
}
