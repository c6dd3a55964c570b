package repair_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

const key = "network/terraform.tfstate"

// world is a bucket with two tables.
type world struct {
	*testing.T
	local.Place
	other   string // ARN of the second table
	set     backend.Set
	locking ledger.Locking // how the path's last locks were taken
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, now: time.Now()}
	var err error
	if w.Place, err = server.MakePlace(t.Context(), fmt.Sprintf("r%d", time.Now().UnixNano())); err == nil {
		if w.other, err = server.MakeTable(t.Context(), w.Table+"-other", "LockID"); err == nil {
			w.set, err = w.open(server.Config())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open(cfg aws.Config) (backend.Set, error) {
	return backend.Open(cfg, []string{w.TableARN, w.other}, []string{w.BucketARN})
}

// put writes a state, without its digest, and gives its version.
func (w *world) put(key string, content []byte) (version string) {
	w.Helper()
	out, err := server.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		w.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

func (w *world) remove(key string) {
	w.Helper()
	if _, err := server.S3().DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: &key}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) digest(table, value string) {
	w.Helper()
	if err := server.SetDigest(context.Background(), table, string(w.Path(key)), value); err != nil {
		w.Fatal(err)
	}
}

// digests are those of both tables.
func (w *world) digests() (values [2]string) {
	w.Helper()
	for i, t := range w.set.Tables {
		var err error
		if values[i], err = t.Digest(context.Background(), w.Path(key)); err != nil {
			w.Fatal(err)
		}
	}
	return values
}

// content is the state that clients read; empty without one.
func (w *world) content() string {
	w.Helper()
	body, err := w.set.Buckets[0].ReadState(context.Background(), w.Path(key), "")
	if errors.Is(err, backend.ErrGone) {
		return ""
	}
	if err != nil {
		w.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		w.Fatal(err)
	}
	return string(content)
}

// readable fails the test unless clients read the state without an error.
func (w *world) readable(when string) {
	w.Helper()
	for _, digest := range w.digests() {
		if content := w.content(); digest != "" && digest != sum([]byte(content)) {
			w.Errorf("%s: a client fails for ten seconds: the digest is %s, that of the state %s", when, digest, sum([]byte(content)))
		}
	}
}

func sum(content []byte) string { return local.MD5(content) }

// held are the holders of all locks.
func (w *world) held() (list []string) {
	w.Helper()
	for _, s := range w.set.All() {
		for h, err := range s.Holdings(context.Background()) {
			if err != nil {
				w.Fatal(err)
			}
			list = append(list, h.Info.Who)
		}
	}
	return list
}

// Locking is the history of the path's locks.
func (w *world) Locking(context.Context) (map[tflock.Path][]ledger.Use, error) {
	if w.locking == "" {
		return nil, nil
	}
	return map[tflock.Path][]ledger.Use{w.Path(key): {{Locking: ledger.LocksTable}, {Locking: w.locking}}}, nil
}

func (w *world) repairer(cfg aws.Config) *repair.Repairer {
	w.Helper()
	set, err := w.open(cfg)
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

// serial is a sample with another serial.
func serial(t testing.TB, n int) []byte {
	t.Helper()
	old := state(t, "applied")
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
