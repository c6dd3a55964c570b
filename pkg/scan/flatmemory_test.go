//go:build !race

package scan_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// peak runs something and gives the most live heap meanwhile, in bytes. What is allocated
// during a collection counts as live, and on a busy machine a collection is slow: frequent ones of
// a small heap bound that error.
func peak(run func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var most atomic.Uint64
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
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
	run()
	close(done)
	<-ended
	return most.Load()
}

// Whoever can write a row or an object can fill it with 400 KB. What a scan needs of
// memory must not depend on that.
func TestMemoryIsFlatWhateverIsInARow(t *testing.T) {
	const locks, size = 24, 390 << 10
	filler := strings.Repeat("x", size)
	for name, content := range map[string]func(i int, path string) string{
		"a client's locks": nil,
		"IDs of 390 KB":    func(i int, _ string) string { return fmt.Sprintf(`{"ID":"%d%s"}`, i, filler) },
		"a Who, an Operation and a Version of 130 KB each": func(i int, _ string) string {
			return fmt.Sprintf(`{"ID":"%[1]d","Who":"%[1]d%[2]s","Operation":"%[1]d%[2]s","Version":"%[1]d%[2]s"}`, i, filler[:size/3])
		},
		"an Operation of 390 KB":        func(i int, _ string) string { return fmt.Sprintf(`{"ID":"%[1]d","Operation":"%[1]d%[2]s"}`, i, filler) },
		"a Version of 390 KB":           func(i int, _ string) string { return fmt.Sprintf(`{"ID":"%[1]d","Version":"%[1]d%[2]s"}`, i, filler) },
		"an Info of 390 KB":             func(i int, _ string) string { return fmt.Sprintf(`{"ID":"%d","Info":"%s"}`, i, filler) },
		"text of 390 KB":                func(int, string) string { return filler },
		"a Who of 390 KB without an ID": func(int, string) string { return `{"ID":"","Who":"` + filler + `"}` },
	} {
		t.Run(name, func(t *testing.T) {
			crowd := scale.Crowd{States: locks, Locks: locks, Taken: time.Now().Add(-time.Hour), Content: content}
			set := open(t, &scale.World{
				Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", crowd)},
				Buckets: map[string]*scale.Bucket{"other": {Name: "other", Crowd: crowd}},
			}, []string{scale.TableARN("locks")}, []string{scale.BucketARN("other")})
			scanner := scan.New(set, rules, time.Now)
			var found *scan.Scan
			most := peak(func() {
				found = scanner.Read(t.Context())
				if !found.Complete() {
					t.Error(found.Errors())
				}
				found.Judge(ledger.Memory{}, 1000)
			})
			if found.Len() != 2*locks || len(found.Worst) != 2*locks {
				t.Errorf("%d locks", found.Len())
			}
			var kept runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&kept)
			t.Logf("live heap of at most %.1f MB, %.1f MB after", float64(most)/(1<<20), float64(kept.HeapAlloc)/(1<<20))
			// What one megabyte of a page, a few objects and their JSON take, here and in the server: some 9 MB, more where
			// collections come late on a busy machine. All that is read, kept, would be 23.
			if limit := uint64(14 << 20); most > limit {
				t.Errorf("live heap of %d MB while it reads %d MB", most>>20, 2*locks*size>>20)
			}
			if kept.HeapAlloc > 6<<20 {
				t.Errorf("it keeps %d MB", kept.HeapAlloc>>20)
			}
			runtime.KeepAlive(found)
		})
	}
}
