package repair_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

const key = "network/terraform.tfstate"

// world is a backend whose states are repaired.
type world struct {
	*testing.T
	*local.World
	locking policy.Locking // how the path's last locks were taken
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{T: t, World: local.NewWorld(t, server), now: time.Now()}
}

func (w *world) digest(table, value string) {
	w.Helper()
	w.SetDigest(table, key, value)
}

// content is the state that clients read; empty without one.
func (w *world) content() string {
	w.Helper()
	content, _ := w.Content(key)
	return string(content)
}

// held are the holders of all locks.
func (w *world) held() (list []string) {
	w.Helper()
	for _, h := range w.Holdings() {
		list = append(list, h.Info.Who)
	}
	return list
}

// Locking is the history of the path's locks.
func (w *world) Locking(context.Context, func(tflock.Path) bool) (map[tflock.Path][]policy.LockingSeen, []tflock.Path, error) {
	if w.locking == "" {
		return nil, nil, nil
	}
	return map[tflock.Path][]policy.LockingSeen{w.Path(key): {{Locking: policy.ByTable}, {Locking: w.locking}}}, nil, nil
}

func (w *world) repairer(cfg aws.Config) *repair.Repairer {
	w.Helper()
	set, err := w.Open(cfg)
	if err != nil {
		w.Fatal(err)
	}
	return &repair.Repairer{
		Stores: set, Records: ledger.NewRepairs(dynamodb.NewFromConfig(cfg), w.Ledger), History: w,
		Composer: alert.Composer{Account: "123456789012", Region: local.Region}, Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic),
		Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) request(action policy.RepairAction, version string) repair.Request {
	return repair.Request{Path: w.Path(key), Action: action, VersionID: version, Reason: "test", RequestedBy: "ana"}
}

func (w *world) run(wire *local.Wire, r repair.Request) (repair.Answer, error) {
	w.Helper()
	return w.repairer(server.ConfigOver(wire)).Run(context.Background(), r, "request")
}

// serial is a sample with another serial.
func serial(t testing.TB, n int) []byte {
	t.Helper()
	old := local.State(t, "applied")
	changed := strings.Replace(string(old), `"serial": `, fmt.Sprintf(`"serial": %d`, n), 1)
	if changed == string(old) {
		t.Fatal("the sample has no serial")
	}
	return []byte(changed)
}

// before is a wire that has something happen before the call of that number and name.
func (w *world) before(name string, number int, happens func()) *local.Wire {
	calls := 0
	return &local.Wire{Before: func(call string) {
		if strings.HasSuffix(call, name) {
			if calls++; calls == number {
				happens()
			}
		}
	}}
}

func (w *world) records() ([]ledger.Repair, error) {
	return ledger.NewRepairs(dynamodb.NewFromConfig(server.Config()), w.Ledger).Of(context.Background(), w.Path(key))
}
