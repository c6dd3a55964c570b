package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// account is an inventory over an AWS of any size.
type account struct {
	*testing.T
	world     *scale.World
	inventory *inventory.Inventory
}

// newAccount has that many states of so many objects each.
func newAccount(t *testing.T, states, objects int) *account {
	t.Helper()
	w := scale.Stock(states, objects)
	cfg := w.Online(t)
	cfg.RequestMinCompressSizeBytes = 10240 // the default of a loaded configuration
	return accountOver(t, w, cfg)
}

// accountOver is an account whose AWS is reached with that configuration.
func accountOver(t *testing.T, w *scale.World, cfg aws.Config) *account {
	t.Helper()
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := policy.ParsePaths("**/*.tfstate")
	if err != nil {
		t.Fatal(err)
	}
	return &account{t, w, &inventory.Inventory{
		Stores: set, Files: backend.NewFiles(cfg, "reports"), Composer: alert.Composer{Account: scale.Account, Region: scale.Region},
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), "arn:aws:sns:eu-central-1:123456789012:alerts"), Meter: metric.NewPublisher(cfg, "Test"),
		Paths: paths, Now: time.Now, Wait: func(context.Context, time.Duration) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}}
}

// run makes an inventory, and counts its calls.
func (a *account) run() (inventory.Report, map[string]int) {
	a.Helper()
	a.world.Reset()
	report, err := a.inventory.Run(context.Background(), inventory.Request{})
	if err != nil {
		a.Fatal(err)
	}
	return report, a.world.Calls()
}

// rowOf reads the first row of the report whose path has that prefix.
func (a *account) rowOf(prefix string, into any) {
	a.Helper()
	body, err := a.inventory.Files.Read(context.Background(), "inventory/states.ndjson")
	if err != nil {
		a.Fatal(err)
	}
	lines := json.NewDecoder(body)
	for {
		var raw json.RawMessage
		if err := lines.Decode(&raw); err != nil {
			a.Fatalf("no row of %s: %v", prefix, err)
		}
		if strings.HasPrefix(string(raw), `{"path":"`+prefix) {
			if err := json.Unmarshal(raw, into); err != nil {
				a.Fatal(err)
			}
			return
		}
	}
}

// A run makes one List call for each thousand keys, one GET for each state that changed, one
// Scan call for each megabyte of a table, and a fixed number of others.
func TestCallsGrowWithWhatChangedOnly(t *testing.T) {
	const states = 1200
	a := newAccount(t, states, 3)
	tables := a.world.Tables["locks"].Pages()
	first, calls := a.run()
	// The key is read twice, since it is not there at first, and the memory once.
	want := map[string]int{"ListObjectsV2": 2, "GetObject": states + 3, "Scan": tables, "PutObject": 7, "PutMetricData": 1}
	if first.Read != states || first.States != states || len(first.Findings) != 0 || !maps.Equal(calls, want) {
		t.Errorf("the first run: %+v, %v, want %v", first, calls, want)
	}
	again, calls := a.run()
	want["GetObject"], want["PutObject"] = 2, 6
	if again.Read != 0 || again.States != states || !maps.Equal(calls, want) {
		t.Errorf("nothing changed: %d read, %v, want %v", again.Read, calls, want)
	}
}

// most is the most of an amount while f runs.
func most(amount func() uint64, f func()) uint64 {
	var most atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			most.Store(max(most.Load(), amount()))
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	<-stopped
	return most.Load()
}

// heapWhile is the most that lives on the heap while f runs.
func heapWhile(f func()) uint64 {
	runtime.GC()
	return most(func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}, f)
}

// Memory grows with the number of states, and not with what is in them beyond a name of
// eight bytes for each object.
func TestMemoryOfARun(t *testing.T) {
	live := func(states, objects int) uint64 {
		a := newAccount(t, states, objects)
		return heapWhile(func() { a.run() })
	}
	small, large := live(32/raced, 10), live(32/raced, 5000) // 160 MB more, or 40
	if large > small+40<<20 {                                // what a run reads at once, until Go collects it
		t.Errorf("live heap of %d MB for small states, %d MB for those of five hundred times the size", small>>20, large>>20)
	}
}

// The README's promise: an inventory of 10,000 states fits into the function's 256 MB, with
// what Lambda's wiring tells Go's collector. The AWS of this test is in the same process.
func TestTenThousandStatesIn256MB(t *testing.T) {
	const (
		function = 256 << 20 / raced
		program  = 24 << 20 / raced // its code, and what Go does not count
	)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(function / 4 * 3))
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	a := newAccount(t, 10_000/raced, 2) // an object more is 8 bytes; infra/bench measures twenty
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

// Copies of a large state share all of its objects, each with each: 190 pairs of them take no
// memory for what they share, and a finding counts all of it.
func TestCopiesOfALargeState(t *testing.T) {
	const copies, objects = 20, 20_000 / raced
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
	if t.Logf("%d MB", held>>20); held > 96<<20/raced+16<<20 { // half of what Go has in the function
		t.Errorf("%d MB live at once", held>>20)
	}
}

// More states or objects than the memory is enough for are left out, and the answer says how
// many, and what to do; with more memory they are there.
func TestMoreThanTheMemoryIsEnoughFor(t *testing.T) {
	a := newAccount(t, 30, 100)
	run := func(bytes int64) (inventory.Report, error) {
		a.inventory.MemoryLimit = bytes / 3 * 4 // of which a quarter is for everything else
		return a.inventory.Run(t.Context(), inventory.Request{})
	}
	report, err := run(20 * 4096)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d states under states/teams are not in the report", 30-report.States)) || report.States < 18 || report.States > 20 || !strings.Contains(err.Error(), "MemorySize") {
		t.Errorf("%+v, %v", report, err)
	}
	report, err = run(40 * 4096) // with room for the names of a few
	named := 0
	if err != nil || report.States != 30 || len(report.Errors) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, scanErr := fmt.Sscanf(report.Errors[0], "duplicates of %d states under states/teams are not looked for", &named); scanErr != nil || named < 20 || named > 29 {
		t.Errorf("%q", report.Errors)
	}
	if report, err = run(100 * 4096); err != nil || len(report.Errors) != 0 || report.Read != named {
		t.Errorf("with more memory: %+v, %v", report, err)
	}
}
