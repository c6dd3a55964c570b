//go:build !race

package monitor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// Somebody who writes one prefix takes locks with other long names at each scan, more than the ledger can record until the next one. It
// grew with each scan then, until none could read it in its time, and nobody was notified of anything any more.
func TestLocksThatCannotAllBeRecordedDoNotFillTheLedger(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		const each, takes, scans = 400, 300, 5
		world := flooded()
		wire := &busyLedger{Direct: scale.Direct{World: world}}
		m := monitorOver(t, world, wire)
		name := func(scan, i int) string {
			return fmt.Sprintf("states/dev/%d-%d", scan, i) + strings.Repeat("\x01", 2000)
		}
		for scan := range scans {
			for i := range each {
				world.Tables["locks"].Remove(name(scan-1, i))
				world.Tables["locks"].Put(scale.Item{"LockID": {"S": name(scan, i)}, "Info": {"S": fmt.Sprintf(`{"ID":"%d-%d%s"}`, scan, i, strings.Repeat(`\u0001`, 1000))}})
			}
			wire.takes = takes
			if _, err := m.Run(t.Context()); scan == 0 && (err == nil || !strings.Contains(err.Error(), "ProvisionedThroughputExceededException")) {
				t.Fatalf("the ledger took everything: %v", err)
			}
			time.Sleep(5 * time.Minute)
		}
		if rows := world.Tables["ledger"].Len(); rows > 2*each {
			t.Errorf("after %d scans the ledger has %d rows, and there are %d locks", scans, rows, each)
		}
	})
}

// Names and IDs of control characters take six times as much on record. 13,000 locks of such names made a ledger that no scan could read in
// its time.
func TestLocksOfControlCharactersTakeNoMoreOfTheLedger(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		for i := range 13_000 {
			world.Tables["locks"].Put(scale.Item{
				"LockID": {"S": fmt.Sprintf("states/dev/%d", i) + strings.Repeat("\x01", 2000)},
				"Info":   {"S": fmt.Sprintf(`{"ID":"%d%s","Who":"%s"}`, i, strings.Repeat(`\u0001`, 1000), strings.Repeat(`\u0001`, 250))},
			})
		}
		world.Tables["locks"].Put(scale.Lock("states/production/terraform.tfstate", "11111111-1111-4111-8111-111111111111", time.Now().Add(-time.Hour)))
		wire := &busyLedger{Direct: scale.Direct{World: world}, takes: 100_000}
		m := monitorOver(t, world, wire)
		report, err := m.Run(t.Context())
		if said := strings.Join(report.Errors, "\n"); !strings.Contains(said, "under states/dev/ are more locks than one scan can read") || report.Stuck != 1 {
			t.Errorf("%d stuck, %.300s, %.300v", report.Stuck, said, err)
		}
		if most := 100 << 20; wire.bytes > most {
			t.Errorf("%d MB are on record, of which a scan reads some 11 in a second", wire.bytes>>20)
		}
	})
}

// While not everything can be recorded, people are notified of a store that fails once, as without that, and of the flood as often as its
// prefix may have messages.
func TestWhatPeopleKnowIsKeptWhileNotAllCanBeRecorded(t *testing.T) {
	t.Parallel()
	for _, flood := range []int{0, 400} {
		t.Run(fmt.Sprint(flood, " locks"), func(t *testing.T) {
			ownClock(t, func(t *testing.T) {
				world := flooded()
				wire := &busyLedger{Direct: scale.Direct{World: world}}
				m := monitorOver(t, world, wire, "missing")
				for scan := range 12 {
					for i := range flood {
						world.Tables["locks"].Remove(fmt.Sprintf("states/dev/%d-%d", scan-1, i))
						world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d-%d", scan, i), fmt.Sprintf("%d-%d", scan, i), time.Now()))
					}
					wire.takes = 300
					_, _ = m.Run(t.Context()) // the missing table fails it
					time.Sleep(5 * time.Minute)
				}
				if got := world.Calls()["Publish"]; got != 1 {
					t.Errorf("%d messages about the table that is missing", got)
				}
			})
		})
	}
}

// Two thousand locks of one prefix become stuck in one scan, more than the ledger can record in its time. People are notified of what comes
// after them all the same.
func TestRecordingManyLocksLeavesTimeToNotify(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		for i := range 2000 {
			world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprint(i), time.Now().Add(-time.Hour)))
		}
		m := monitorOver(t, world, slowLedger{scale.Direct{World: world}}, "missing")
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		_, err := m.Run(ctx)
		if got := world.Calls()["Publish"]; got != 2 {
			t.Errorf("%d messages: there are locks that are stuck, and a table that is missing: %v", got, err)
		}
	})
}

// The same where several messages are about more than that: the time for the last of them is none of what comes after it.
func TestRecordingManyMessagesLeavesTimeToNotify(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		world.Tables["locks"].Put(scale.Lock("states/prod/x", "prod", time.Now()))
		for i := range 2000 {
			world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprint(i), time.Now().Add(-time.Hour)))
			world.Tables["locks"].Put(scale.Item{"LockID": {"S": fmt.Sprintf("states/dev/junk/%d", i)}, "Info": {"S": "junk"}})
		}
		m := monitorOver(t, world, slowLedger{scale.Direct{World: world}}, "missing")
		ctx, cancel := context.WithTimeout(t.Context(), 18*time.Second)
		defer cancel()
		_, err := m.Run(ctx)
		if got := world.Calls()["Publish"]; got != 3 {
			t.Errorf("%d messages: there are locks that are stuck, rows that nobody can read, and a table that is missing: %v", got, err)
		}
		if memory, err := m.Ledger.Recall(t.Context()); err != nil || memory.Locks[ledger.Key{Path: "states/prod/x", ID: "prod"}].FirstSeen.IsZero() {
			t.Errorf("the lock of production is not on record: %v", err)
		}
	})
}

// What people know of the stores is on record although thousands of new locks, of which nobody is notified, take more than the time.
func TestRecordingManyNewLocksLeavesTimeToRecordStores(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		for i := range 8000 {
			world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprint(i), time.Now()))
		}
		m := monitorOver(t, world, slowLedger{scale.Direct{World: world}}, "missing")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := m.Run(ctx)
		if memory, failed := m.Ledger.Recall(t.Context()); failed != nil || memory.Stores[scale.TableARN("missing")].FailingSince.IsZero() {
			t.Errorf("the table that is missing is not on record: %v, after %v", failed, err)
		}
	})
}

// People are notified of a table that is missing although one prefix has a flood in each of many others.
func TestManyFloodsLeaveTimeToNotifyOfStores(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world, tables := flooded(), []string{"missing"}
		for n := range 8 {
			name := fmt.Sprint("junk", n)
			tables = append(tables, name)
			world.Tables[name] = scale.LockTable(name, scale.Crowd{})
			for i := range 1000 {
				world.Tables[name].Put(scale.Item{"LockID": {"S": fmt.Sprintf("states/dev/%d", i)}, "Info": {"S": "junk"}})
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 18*time.Second)
		defer cancel()
		m := monitorOver(t, world, slowLedger{scale.Direct{World: world}}, tables...)
		_, err := m.Run(ctx)
		if memory, failed := m.Ledger.Recall(t.Context()); failed != nil || memory.Stores[scale.TableARN("missing")].NotifiedAt.IsZero() {
			t.Errorf("nobody was notified of the table that is missing: %v, after %v", failed, err)
		}
	})
}
