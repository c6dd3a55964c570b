package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
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
