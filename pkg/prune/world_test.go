package prune_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
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

// world is a backend with a second, unpaired table.
type world struct {
	*testing.T
	local.Place
	other string // ARN of the second table
	set   backend.Set
	rules prune.Rules
	now   func() time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Now}
	var err error
	if w.Place, err = server.MakePlace(t.Context(), fmt.Sprintf("p%d", time.Now().UnixNano())); err == nil {
		if w.other, err = server.MakeTable(t.Context(), w.Table+"-other", "LockID"); err == nil {
			w.set, err = w.open(server.Config())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	w.rules.After, w.rules.OwnBucket = 30*24*time.Hour, w.BucketARN
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

func (w *world) open(cfg aws.Config) (backend.Set, error) {
	return backend.Open(cfg, []string{w.TableARN, w.other}, []string{w.BucketARN})
}

// put writes a state with its digest, as a client does.
func (w *world) put(key string, content []byte) {
	w.Helper()
	if _, err := server.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: bytes.NewReader(content)}); err != nil {
		w.Fatal(err)
	}
	w.digest(w.Table, key, sum(content))
}

// stale writes a state and lets a month pass.
func (w *world) stale(key string, content []byte) {
	w.Helper()
	w.put(key, content)
	if err := server.Age(w.Bucket, key, month); err != nil {
		w.Fatal(err)
	}
}

func (w *world) digest(table, key, value string) {
	w.Helper()
	if err := server.SetDigest(context.Background(), table, string(w.Path(key)), value); err != nil {
		w.Fatal(err)
	}
}

func sum(content []byte) string { return local.MD5(content) }

// lock takes a lock as a client does, in these stores.
func (w *world) lock(key, id string, stores ...backend.Store) {
	w.Helper()
	if err := local.TakeLock(context.Background(), w.Path(key), id, stores...); err != nil {
		w.Fatal(err)
	}
}

// held are the IDs and operations of all locks, by store.
func (w *world) held() []string {
	w.Helper()
	list := []string{}
	for _, s := range w.set.All() {
		for h, err := range s.Holdings(context.Background()) {
			if err != nil {
				w.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %s %s", h.Kind, strings.TrimPrefix(string(h.Path), w.Bucket+"/"), h.Info.Who))
		}
	}
	slices.Sort(list)
	return list
}

// readable fails the test unless a client that reads this state now would be content:
// either it is there and no digest says otherwise, or there is none of both.
func (w *world) readable(key string) (there bool) {
	w.Helper()
	state, err := w.set.Buckets[0].ReadState(context.Background(), w.Path(key), "")
	there = err == nil
	if err != nil && !errors.Is(err, backend.ErrGone) {
		w.Fatal(err)
	}
	actual := "no state"
	if there {
		content, err := io.ReadAll(state)
		if err != nil {
			w.Fatal(err)
		}
		actual = sum(content)
	}
	for _, t := range w.set.Tables {
		digest, err := t.Digest(context.Background(), w.Path(key))
		if err != nil {
			w.Fatal(err)
		}
		if digest != "" && digest != actual {
			w.Errorf("%s: a client fails for ten seconds: digest %q, %s", key, digest, actual)
		}
	}
	return there
}

func (w *world) ledger() *ledger.Prunes {
	return ledger.NewPrunes(dynamodb.NewFromConfig(server.Config()), w.Ledger)
}

func (w *world) pruner(cfg aws.Config) *prune.Pruner {
	w.Helper()
	set, err := w.open(cfg)
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

func (w *world) published() []local.Message {
	w.Helper()
	messages, err := server.Published(w.Topic)
	if err != nil {
		w.Fatal(err)
	}
	return messages
}

// state is a sample that real clients wrote.
func state(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "tfstate", "testdata", name+".tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
