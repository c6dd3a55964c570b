//go:build !race

package inventory_test

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/inventory"
)

// Memory grows with the number of states, and not with what is in them beyond a name of
// eight bytes for each object.
func TestMemoryOfARun(t *testing.T) {
	live := func(states, objects int) uint64 {
		a := newAccount(t, states, objects)
		return heapWhile(func() { a.run() })
	}
	small, large := live(32, 10), live(32, 5000) // 160 MB more
	if large > small+40<<20 {                    // what a run reads at once, until Go collects it
		t.Errorf("live heap of %d MB for small states, %d MB for those of five hundred times the size", small>>20, large>>20)
	}
}

// Copies of a large state share all of its objects, each with each: 190 pairs of them take no
// memory for what they share, and a finding counts all of it.
func TestCopiesOfALargeState(t *testing.T) {
	const copies, objects = 20, 20_000
	a := newAccount(t, 0, 0)
	resources := make([]string, objects)
	for i := range resources {
		resources[i] = object("aws_sqs_queue", fmt.Sprintf(`{"arn":"arn:aws:sqs:eu-west-1:123456789012:q%05d","id":"https://q%05d","region":"eu-west-1"}`, i, i))
	}
	content := stateOf(1, "one", resources...)
	for i := range copies {
		a.world.Buckets["states"].Put(fmt.Sprintf("backup-%02d.tfstate", i), content, time.Now().Add(-time.Hour))
	}
	var report inventory.Report
	held := heapWhile(func() { report, _ = a.run() })
	if len(report.Findings) != copies*(copies-1)/2 || report.Findings[0].Evidence.Count != objects || len(report.Findings[0].Evidence.Resources) != 20 {
		t.Errorf("%d findings, the first %+v", len(report.Findings), report.Findings[0].Evidence)
	}
	if t.Logf("%d MB", held>>20); held > 96<<20+16<<20 { // half of what Go has in the function
		t.Errorf("%d MB live at once", held>>20)
	}
}

// The README's promise: an inventory of 10,000 states fits into the function's 256 MB, with
// what Lambda's wiring tells Go's collector. The AWS of this test is in the same process.
func TestTenThousandStatesIn256MB(t *testing.T) {
	const (
		function = 256 << 20
		program  = 24 << 20 // its code, and what Go does not count
	)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(function / 4 * 3))
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	a := newAccount(t, 10_000, 2) // an object more is 8 bytes; infra/bench measures twenty
	a.world.Latency = 0
	debug.FreeOSMemory()
	held := most(func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64() - sample[1].Value.Uint64()
	}, func() { a.run() })
	if t.Logf("%d MB", held>>20); held > function-program {
		t.Errorf("it takes %d MB", held>>20)
	}
}
