//go:build !race

package monitor_test

import (
	"maps"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// More rows and keys cost more pages and nothing else.
func TestCallsGrowWithMegabytesAndThousandsOnly(t *testing.T) {
	taken := time.Now().Add(-time.Minute)
	for _, size := range []int{1_000, 10_000, 50_000} {
		a := newAccount(t, scale.Crowd{States: size, Locks: 2, Taken: taken}, scale.Crowd{States: size, Locks: 1, Taken: taken})
		a.scan() // the ledger knows the locks now
		report, calls := a.scan()
		if report.Held != 2 { // the lock in the bucket is the other half of one in the table
			t.Errorf("%d held: %+v", report.Held, report.Locks)
		}
		looks := 0 // at the locks' states, where the listing of a small bucket has not shown them
		if size > 5000 {
			looks = report.Held
		}
		want := map[string]int{
			"Scan": a.world.Tables["locks"].Pages(), "ListObjectsV2": (size+1+999)/1000 + looks, "GetObject": 1,
			"UpdateItem": 2, "Query": 1, "PutMetricData": 1,
		}
		if !maps.Equal(calls, want) {
			t.Errorf("%d states: %v, want %v", size, calls, want)
		}
	}
}

// Memory does not grow with what is not a lock.
func TestMemoryIsFlatAsTheTableGrows(t *testing.T) {
	peak := func(states int) uint64 {
		crowd := scale.Crowd{States: states, Locks: 2, Taken: time.Now()}
		a := newAccount(t, crowd, crowd)
		a.scan()
		runtime.GC()
		var most atomic.Uint64
		done := make(chan struct{})
		go func() {
			sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
			for {
				metrics.Read(sample)
				most.Store(max(most.Load(), sample[0].Value.Uint64()))
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}()
		a.scan()
		close(done)
		return most.Load()
	}
	small, large := peak(10_000), peak(100_000)
	if large > small+8<<20 {
		t.Errorf("live heap of %d MB for 10,000 states, %d MB for ten times as many", small>>20, large>>20)
	}
}

// Many new locks are one message, every one of them is recorded, and the answer is cut.
func TestAFloodOfLocks(t *testing.T) {
	const flood = 3000
	a := newAccount(t, scale.Crowd{States: flood, Locks: flood, Taken: time.Now().Add(-time.Hour)}, scale.Crowd{})
	report, calls := a.scan()
	if report.Stuck != flood || len(report.Locks) != 1000 || report.Omitted != flood-1000 {
		t.Errorf("%d stuck, %d listed, %d omitted", report.Stuck, len(report.Locks), report.Omitted)
	}
	if calls["Publish"] != 1 || calls["BatchWriteItem"] != flood/25 || calls["PutMetricData"] != 1 || a.world.Tables["ledger"].Len() != flood+1 {
		t.Errorf("%v, %d rows in the ledger", calls, a.world.Tables["ledger"].Len())
	}
	if report, calls = a.scan(); calls["Publish"]+calls["BatchWriteItem"] != 0 || report.Stuck != flood {
		t.Errorf("notified again: %v", calls)
	}
	a.world.Tables["locks"].Crowd.Locks = 0
	// They are all under one prefix: the history has a row of each of the first 500, and one that counts the others.
	const past = 500
	if report, calls = a.scan(); calls["Publish"] != 1 || calls["BatchWriteItem"] != (flood+past)/25+1 || report.Held != 0 || a.world.Tables["ledger"].Len() != 1+past+1 {
		t.Errorf("%v, %d rows in the ledger", calls, a.world.Tables["ledger"].Len())
	}
}
