package monitor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// account is a monitor over an AWS of any size.
type account struct {
	*testing.T
	world   *scale.World
	monitor *monitor.Monitor
	set     backend.Set
}

// newAccount has one lock table and one bucket over these crowds.
func newAccount(t *testing.T, table, bucket scale.Crowd) *account {
	t.Helper()
	w := &scale.World{
		Latency: time.Millisecond,
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", table), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states", Crowd: bucket}},
	}
	return watch(t, w, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
}

var usualRules = policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}

// watch makes a monitor of these stores.
func watch(t *testing.T, w *scale.World, tables, buckets []string) *account {
	t.Helper()
	return watchOver(t, w, w.Online(t), tables, buckets)
}

// watchOver makes a monitor whose AWS is reached with that configuration.
func watchOver(t *testing.T, w *scale.World, cfg aws.Config, tables, buckets []string) *account {
	t.Helper()
	cfg.RequestMinCompressSizeBytes = 10240 // the default of a loaded configuration
	set, err := backend.Open(cfg, tables, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return &account{t, w, newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", time.Now), set}
}

// scan counts the calls of one scan.
func (a *account) scan() (monitor.Report, map[string]int) {
	a.Helper()
	a.world.Reset()
	report, err := a.monitor.Run(context.Background())
	if err != nil {
		a.Fatal(err)
	}
	return report, a.world.Calls()
}

func TestStoresAreReadSideBySide(t *testing.T) {
	w := &scale.World{
		Latency: 50 * time.Millisecond,
		Tables:  map[string]*scale.Table{"ledger": scale.Ledger("ledger")}, Buckets: map[string]*scale.Bucket{},
	}
	var tables, buckets []string
	for i := range 4 {
		name := fmt.Sprintf("s%d", i)
		w.Tables[name], w.Buckets[name] = scale.LockTable(name, scale.Crowd{States: 1}), &scale.Bucket{Name: name}
		tables, buckets = append(tables, scale.TableARN(name)), append(buckets, scale.BucketARN(name))
	}
	a := watch(t, w, tables, buckets)
	a.scan()
	if n := w.AtOnce(); n < 8 {
		t.Errorf("at most %d of 8 stores were read at once", n)
	}
}
