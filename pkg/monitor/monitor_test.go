package monitor_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

// world is a lock table, a ledger and a topic of its own, with a clock.
type world struct {
	*testing.T
	table, ledger, topic string
	now                  time.Time
	heard                int

	tables []string // ARNs of others that are watched
}

func newWorld(t *testing.T) *world {
	t.Helper()
	place, err := server.MakePlace(t.Context(), fmt.Sprintf("w%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, table: place.TableARN, ledger: place.Ledger, topic: place.Topic, now: time.Now().UTC()}
}

func (w *world) locks() *backend.Table {
	set, err := backend.Open(server.Config(), []string{w.table}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return set.Tables[0]
}

func (w *world) put(path string, age time.Duration) {
	w.Helper()
	raw, err := tflock.Info{ID: "id-of-" + path, Operation: "OperationTypeApply", Who: "me@host", Created: w.now.Add(-age), Path: path}.Marshal()
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.locks().Acquire(w.Context(), tflock.Path(path), raw); err != nil {
		w.Fatal(err)
	}
}

func (w *world) remove(path string) {
	w.Helper()
	h, _, err := w.locks().Find(w.Context(), tflock.Path(path))
	if err == nil {
		err = w.locks().Release(w.Context(), h)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// newMonitor is one of these stores, with the template's defaults and a clock.
func newMonitor(cfg aws.Config, set backend.Set, table, topic string, now func() time.Time) *monitor.Monitor {
	return &monitor.Monitor{
		Scanner:     scan.New(set, usualRules, now),
		Ledger:      ledger.NewNotifications(dynamodb.NewFromConfig(cfg), table),
		Released:    ledger.NewReleases(dynamodb.NewFromConfig(cfg), table),
		Composer:    alert.Composer{Account: "123456789012", Region: local.Region},
		Topic:       alert.NewTopic(sns.NewFromConfig(cfg), topic),
		Meter:       metric.NewPublisher(cfg, "Test"),
		RemindEvery: 4 * time.Hour,
		ScanEvery:   5 * time.Minute,
		Now:         now,
		Log:         slog.New(slog.DiscardHandler),
	}
}

// scan runs the monitor over the wire, now.
func (w *world) scan(wire *local.Wire) (monitor.Report, error) {
	cfg := server.ConfigOver(wire)
	set, err := backend.Open(cfg, append([]string{w.table}, w.tables...), nil)
	if err != nil {
		w.Fatal(err)
	}
	return newMonitor(cfg, set, w.ledger, w.topic, func() time.Time { return w.now }).Run(context.Background())
}

// must is a scan that nothing disturbs.
func (w *world) must() monitor.Report {
	w.Helper()
	report, err := w.scan(&local.Wire{})
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// published counts the messages since the last call, as "type path".
func (w *world) published() map[string]int {
	w.Helper()
	counts := map[string]int{}
	for _, e := range w.events() {
		name := string(e.Type)
		if e.Lock != nil {
			name += " " + e.Lock.Path
		}
		counts[name]++
	}
	return counts
}

// A scan that dies at any of its calls, before or after the call's effect, loses no
// alert and no notice, and calls nothing resolved that is there. Published twice is only
// what was published in the scan that died.
func TestNoCrashLosesAnAlert(t *testing.T) {
	for variant, after := range []bool{false, true} {
		for cut := range local.Calls(variant) {
			w := newWorld(t)
			w.put("b/stays", time.Hour)
			w.put("b/goes", time.Hour)
			name := fmt.Sprintf("cut at call %d, after its effect: %v", cut, after)

			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			if _, err := w.scan(wire); err == nil && wire.Calls() >= cut {
				t.Errorf("%s: a scan that died must fail", name)
			}
			early := w.published()
			w.now = w.now.Add(5 * time.Minute)
			w.must()
			late := w.published()
			for _, path := range []string{"b/stays", "b/goes"} {
				event := "lock.stuck " + path
				if early[event]+late[event] == 0 || early[event] > 1 || late[event] > 1 {
					t.Errorf("%s: %s was published %d times, then %d", name, event, early[event], late[event])
				}
			}

			w.remove("b/goes")
			w.now = w.now.Add(5 * time.Minute)
			_, _ = w.scan(&local.Wire{CutAt: cut, AfterEffect: after}) // dies, as above
			early = w.published()
			w.now = w.now.Add(5 * time.Minute)
			w.must()
			late = w.published()
			if n := early["lock.resolved b/goes"] + late["lock.resolved b/goes"]; n < 1 || n > 2 {
				t.Errorf("%s: resolved was published %d times", name, n)
			}
			if early["lock.resolved b/stays"]+late["lock.resolved b/stays"] != 0 {
				t.Errorf("%s: a lock that is there was called resolved", name)
			}
			w.now = w.now.Add(5 * time.Minute)
			if w.must(); len(w.published()) != 0 {
				t.Errorf("%s: it does not fall silent", name)
			}
			if wire.Calls() < cut { // this scan had fewer calls: every one has been cut
				if cut < 8 {
					t.Errorf("a scan made only %d calls", wire.Calls())
				}
				break
			}
		}
	}
}

func TestALockFromBeginningToEnd(t *testing.T) {
	w := newWorld(t)
	start := w.now
	w.must() // the table is known to be empty
	w.now = start.Add(5 * time.Minute)
	w.put("b/k", 72*time.Hour) // the holder's clock is days behind
	if r := w.must(); r.Held != 1 || r.Stuck != 0 || r.OldestSeconds > 300 {
		t.Fatalf("a wrong clock raised an alarm: %+v", r)
	}
	want := map[time.Duration]string{
		40 * time.Minute: "lock.stuck b/k", 280 * time.Minute: "lock.reminder b/k", 760 * time.Minute: "lock.reminder b/k",
	}
	for _, at := range []time.Duration{20 * time.Minute, 40 * time.Minute, 45 * time.Minute, 275 * time.Minute, 280 * time.Minute, 285 * time.Minute, 755 * time.Minute, 760 * time.Minute} {
		w.now = start.Add(at)
		r := w.must()
		got := w.published()
		if event, due := want[at]; (due && got[event] != 1) || (!due && len(got) != 0) {
			t.Errorf("after %s: published %v, want %q", at, got, want[at])
		}
		if at >= 40*time.Minute && r.Locks[0].Evidence.Liveness != policy.Unknown { // its bucket is not watched
			t.Errorf("after %s: %s", at, r.Locks[0].Evidence.Liveness)
		}
	}
	w.remove("b/k")
	w.now = start.Add(765 * time.Minute)
	w.must()
	if got := w.published(); got["lock.resolved b/k"] != 1 || len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

func TestMoreThanTenBecomeOneMessage(t *testing.T) {
	w := newWorld(t)
	for i := range 11 {
		w.put(fmt.Sprintf("b/%d", i), time.Hour)
	}
	w.must()
	if got := w.published(); got["lock.stuck"] != 1 || len(got) != 1 {
		t.Errorf("published %v", got)
	}
	w.now = w.now.Add(5 * time.Minute)
	w.put("b/one more", time.Hour)
	w.must()
	if got := w.published(); len(got) != 0 {
		t.Errorf("a lock five minutes old was announced: %v", got)
	}
}

func TestTwoScansAtOnceNotifyOnce(t *testing.T) {
	w := newWorld(t)
	w.put("b/k", time.Hour)
	second := false
	wire := &local.Wire{Before: func(call string) {
		if !second && call == "DynamoDB_20120810.Query" { // the first has the lease now
			second = true
			if r := w.must(); r.Stuck != 1 {
				t.Errorf("the second answers all the same: %+v", r)
			}
		}
	}}
	if _, err := w.scan(wire); err != nil {
		t.Fatal(err)
	}
	if got := w.published(); !second || got["lock.stuck b/k"] != 1 || len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

func TestARowOfAnotherToolIsReportedOnce(t *testing.T) {
	w := newWorld(t)
	if _, err := w.locks().Acquire(t.Context(), "deploy", []byte("me, until noon")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 3 {
		if r := w.must(); r.Unreadable != 1 || r.Held != 0 {
			t.Errorf("got %+v", r)
		}
		for event := range w.published() {
			got = append(got, event)
		}
		w.now = w.now.Add(5 * time.Hour)
	}
	if !slices.Equal(got, []string{"lock.unreadable deploy"}) {
		t.Errorf("published %v", got)
	}
}

// Scan, the lease, its memory, the end of the lease, metrics: nothing else when nothing is
// new.
func TestAQuietScanMakesFiveCalls(t *testing.T) {
	w := newWorld(t)
	w.put("b/k", time.Hour)
	w.must()
	w.published()
	wire := &local.Wire{}
	if _, err := w.scan(wire); err != nil {
		t.Fatal(err)
	}
	if wire.Calls() != 5 || len(w.published()) != 0 {
		t.Errorf("%d calls", wire.Calls())
	}
}
