package prune_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

const (
	month = 31 * 24 * time.Hour
	key   = "branches/x/terraform.tfstate"
)

// world is a backend whose states are pruned.
type world struct {
	*testing.T
	*local.World
	rules prune.Rules
	now   func() time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, World: local.NewWorld(t, server), now: time.Now}
	w.rules.After, w.rules.OwnBucket = 30*24*time.Hour, w.BucketARN
	var err error
	if w.rules.Paths, err = policy.ParsePaths("branches/**,env:/*/branches/**"); err != nil {
		t.Fatal(err)
	}
	return w
}

// later lets time pass.
func (w *world) later(by time.Duration) {
	before := w.now
	w.now = func() time.Time { return before().Add(by) }
}

// stale writes a state and lets a month pass.
func (w *world) stale(key string, content []byte) {
	w.Helper()
	w.Apply(key, content)
	if err := server.Age(w.Bucket, key, month); err != nil {
		w.Fatal(err)
	}
}

// held are the kinds, states and holders of all that is held.
func (w *world) held() []string {
	w.Helper()
	list := []string{}
	for _, h := range w.Holdings() {
		list = append(list, fmt.Sprintf("%s %s %s", h.Kind, strings.TrimPrefix(string(h.Path), w.Bucket+"/"), h.Info.Who))
	}
	slices.Sort(list)
	return list
}

func (w *world) ledger() *ledger.Prunes {
	return ledger.NewPrunes(dynamodb.NewFromConfig(server.Config()), w.Ledger)
}

func (w *world) pruner(cfg aws.Config) *prune.Pruner {
	w.Helper()
	set, err := w.Open(cfg)
	if err != nil {
		w.Fatal(err)
	}
	composer := alert.Composer{Account: "123456789012", Region: local.Region}
	table := ledger.NewPrunes(dynamodb.NewFromConfig(cfg), w.Ledger)
	return &prune.Pruner{
		Stores: set, Records: table, Bookmark: table, Composer: composer,
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Test"),
		Rules: w.rules, Now: w.now, Log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) run(wire *local.Wire, r prune.Request, requestID string) (prune.Report, error) {
	w.Helper()
	return w.pruner(server.ConfigOver(wire)).Run(context.Background(), r, requestID)
}

// prune runs one that must succeed.
func (w *world) prune() prune.Report {
	w.Helper()
	report, err := w.run(&local.Wire{}, prune.Request{}, "request")
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// fates lists how each state ended.
func fates(r prune.Report) []string {
	list := []string{}
	for _, s := range slices.Concat(r.Pruned, r.Kept) {
		_, key, _ := strings.Cut(string(s.Path), "/")
		list = append(list, strings.TrimSpace(fmt.Sprint(key, " ", s.Fate, " ", s.Reason)))
	}
	slices.Sort(list)
	return list
}
