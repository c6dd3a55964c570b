//go:build !race

package inventory_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
)

// sizeOf is how long a file of the report bucket is, without its compression.
func (a *account) sizeOf(key string) int64 {
	a.Helper()
	body, err := a.inventory.Files.Read(a.Context(), key)
	if err != nil {
		a.Fatal(err)
	}
	var plain io.Reader = body
	if strings.HasSuffix(key, ".gz") {
		if plain, err = gzip.NewReader(body); err != nil {
			a.Fatal(err)
		}
	}
	n, err := io.Copy(io.Discard, plain)
	if err != nil {
		a.Fatal(err)
	}
	return n
}

// longNamed is an object whose ID and region are as long as can be.
func longNamed(of, n int, sign string) string {
	long := strings.Repeat(sign, 2000)
	return object("google_x", fmt.Sprintf(`{"id":"projects/a/b/%d/%d-%s","region":"%s"}`, of, n, long, long))
}

// Whoever has other copies of a state each day, with names of signs that JSON writes in six bytes, does not have the inventory remember
// more than it has memory for: each run would be killed, and nobody learn of anything.
func TestDuplicatesOfOnePrefixDoNotAddUp(t *testing.T) {
	a := newAccount(t, 0, 0)
	a.world.Latency = 0
	a.inventory.MemoryLimit = 48 << 20
	const copies = 48 // more pairs than are reported
	for day := range 3 {
		objects := []string{longNamed(day, 1, `\u0001`), longNamed(day, 2, `\u0001`)}
		for i := range copies {
			a.world.Buckets["states"].Remove(fmt.Sprintf("team-a/%d-%d.tfstate", day-1, i))
			a.world.Buckets["states"].Put(fmt.Sprintf("team-a/%d-%d.tfstate", day, i), stateOf(1, fmt.Sprint(day, i), objects...), time.Now().Add(-time.Hour))
		}
		if report, _ := a.run(); len(report.Findings)+report.Omitted < 900 {
			t.Fatalf("day %d: %d findings", day, len(report.Findings))
		}
		if size := a.sizeOf(fileMemory); size > a.inventory.MemoryLimit/2 {
			t.Errorf("day %d: the memory has %d MB, and the function %d", day, size>>20, a.inventory.MemoryLimit>>20)
		}
	}
}

// States of one prefix that share objects with the longest names, pair by pair, take little memory while they are looked for again.
func TestPairsWithTheLongestNames(t *testing.T) {
	const pairs = 200
	a := crowdedAccount(t, 2*pairs, func(i int) string {
		var objects []string
		for n := range 50 {
			objects = append(objects, longNamed(i/2, n, "x"))
		}
		return stateOf(1, fmt.Sprint(i), objects...)
	})
	var report inventory.Report
	held := heapWhile(func() { report, _ = a.run() })
	if t.Logf("%d MB", held>>20); held > 48<<20 || len(report.Findings) != pairs+1 || !findsTheOther(report) {
		t.Errorf("%d MB live at once, %d findings, the other one's: %v", held>>20, len(report.Findings), findsTheOther(report))
	}
}

// Digests of keys whose signs JSON writes in six bytes take no more memory than others.
func TestDigestsOfTheLongestKeys(t *testing.T) {
	a := crowdedAccount(t, 0, nil)
	a.inventory.MemoryLimit = 16 << 20
	for i := range 500 {
		key := fmt.Sprintf("team-a/%d-%s.tfstate", i, strings.Repeat("\x01", 1000))
		a.world.Tables["locks"].Put(scale.Digest("states/"+key, "another"))
	}
	report, err := a.inventory.Run(context.Background(), inventory.Request{})
	if err != nil || !findsTheOther(report) || len(report.Findings) < 50 {
		t.Errorf("%d findings, %v", len(report.Findings), err)
	}
	if size := a.sizeOf("inventory/findings.ndjson"); size > a.inventory.MemoryLimit/6 {
		t.Errorf("the findings have %d KB, and room for %d", size>>10, a.inventory.MemoryLimit/6>>10)
	}
}

// States with such keys take no more memory than others where the report is written.
func TestStatesOfTheLongestKeys(t *testing.T) {
	a := newAccount(t, 0, 0)
	a.world.Latency = 0
	a.inventory.MemoryLimit = 16 << 20
	for i := range 3000 {
		key := fmt.Sprintf("team-a/%d-%s.tfstate", i, strings.Repeat("\x01", 1000))
		a.world.Buckets["states"].Put(key, stateOf(1, "one"), time.Now().Add(-time.Hour))
	}
	report, _ := a.inventory.Run(context.Background(), inventory.Request{}) // not all have room
	if size := a.sizeOf("inventory/states.ndjson"); report.States < 500 || size > a.inventory.MemoryLimit/4*3 {
		t.Errorf("%d states in %d MB, with room for %d", report.States, size>>20, a.inventory.MemoryLimit/4*3>>20)
	}
}
