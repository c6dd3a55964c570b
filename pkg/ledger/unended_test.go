package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// unendedLedger is a ledger in which no scan comes to its end.
type unendedLedger struct {
	*ledger.Notifications
	world *scale.World
}

func newUnendedLedger() unendedLedger {
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	return unendedLedger{ledger.NewNotifications(dynamodb.NewFromConfig(scale.Config(&scale.Direct{World: world})), "ledger"), world}
}

// scan records these steps, and records what people know of the stores.
func (k unendedLedger) scan(t *testing.T, at time.Time, found *scan.Scan, steps ...ledger.Step) {
	t.Helper()
	found.Started = at
	lease, err := k.Begin(t.Context(), at.String(), found, at)
	if err != nil {
		t.Fatal(err)
	}
	_, next := ledger.CompareStores(lease.Memory, found, rules)
	if err := lease.Record(t.Context(), func(yield func(ledger.Step) bool) {
		for _, s := range steps {
			if !yield(s) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := lease.RecordStores(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}

// Whoever takes and drops locks all day gets a share of a day's history, also while no scan can record all that it saw.
func TestTheHistoryOfADayIsBoundedWhereNoScanEnds(t *testing.T) {
	k := newUnendedLedger()
	for i := range 4 {
		at := now.Add(time.Duration(i) * 5 * time.Minute)
		steps := make([]ledger.Step, 400)
		for n := range steps {
			key := ledger.Key{Path: tflock.Path(fmt.Sprintf("b/dev/%d/%d", i, n)), ID: "x"}
			steps[n] = ledger.Step{Change: ledger.Forget, Key: key, Past: &ledger.Past{Path: key.Path, ID: key.ID, FirstSeen: at, Ended: at, Operation: strings.Repeat("x", 9000)}}
		}
		k.scan(t, at, &scan.Scan{}, steps...)
	}
	if rows := k.world.Tables["ledger"].Len(); rows > 4<<20/9000+2 {
		t.Errorf("%d rows of 9 KB: a prefix has 4 MB of a day", rows)
	}
}

// A folder that the last scan on record did not read stays unread, whichever folder the scan has trouble with that is not recorded:
// its locks would look as if they had been looked for.
func TestAFolderThatWasNotReadStaysUnreadWhereNoScanEnds(t *testing.T) {
	const store = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	k := newUnendedLedger()
	crowded := func(folder string) *scan.Scan {
		return &scan.Scan{Watched: []string{store}, Failures: map[string]scan.Failure{store: {Problem: "too many locks", Crowded: []string{folder}}}}
	}
	first := crowded("b/dev/")
	first.Started = now
	lease, err := k.Begin(t.Context(), "first", first, now)
	if err != nil {
		t.Fatal(err)
	}
	_, next := ledger.CompareStores(lease.Memory, first, rules)
	if err := lease.End(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	k.scan(t, now.Add(5*time.Minute), crowded("b/other/"))
	later, err := k.Begin(t.Context(), "later", &scan.Scan{Started: now.Add(10 * time.Minute)}, now.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"b/dev/", "b/other/"} {
		if _, unread := later.Memory.Stores[store].Crowded[folder]; !unread {
			t.Errorf("%s counts as read: %v", folder, later.Memory.Stores[store].Crowded)
		}
	}
}

// Whoever gives other folders too many locks at each scan makes the memory of them no longer than of a few.
func TestFoldersThatWereNotReadStayFewWhereNoScanEnds(t *testing.T) {
	const store = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	k := newUnendedLedger()
	for i := range 30 {
		k.scan(t, now.Add(time.Duration(i)*5*time.Minute), &scan.Scan{
			Watched: []string{store}, Failures: map[string]scan.Failure{store: {Problem: "too many locks", Crowded: []string{fmt.Sprintf("b/dev/%d/", i)}}},
		})
	}
	later, err := k.Begin(t.Context(), "later", &scan.Scan{Started: now.Add(4 * time.Hour)}, now.Add(4*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if kept := later.Memory.Stores[store].Crowded; len(kept) > 5 || len(kept) == 0 {
		t.Errorf("%d folders: %v", len(kept), kept)
	}
}
