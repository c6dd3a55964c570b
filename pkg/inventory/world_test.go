package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) { local.Main(m, &server) }

const key = "network/terraform.tfstate"

// world is a backend with a report bucket.
type world struct {
	*testing.T
	*local.World
	reports   string
	now       func() time.Time
	locking   map[tflock.Path][]policy.LockingSeen
	noHistory bool
	waiting   func() // what happens between the two looks at digests
	log       bytes.Buffer
	seen      int           // messages that news has given
	unasked   []tflock.Path // whose locks the monitor saw, and not the witness
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, World: local.NewWorld(t, server), now: time.Now, waiting: func() {}, locking: map[tflock.Path][]policy.LockingSeen{}}
	w.reports = w.Bucket + "-reports"
	if _, err := server.MakeBucket(t.Context(), w.reports); err != nil {
		t.Fatal(err)
	}
	return w
}

// Locking makes the world what the monitor saw.
func (w *world) Locking(context.Context, func(tflock.Path) bool) (map[tflock.Path][]policy.LockingSeen, []tflock.Path, error) {
	if w.noHistory {
		return nil, nil, errors.New("the ledger cannot be read")
	}
	return w.locking, w.unasked, nil
}

func (w *world) inventory(cfg aws.Config) *inventory.Inventory {
	w.Helper()
	set, err := w.Open(cfg)
	if err != nil {
		w.Fatal(err)
	}
	paths, err := policy.ParsePaths("**/*.tfstate")
	if err != nil {
		w.Fatal(err)
	}
	return &inventory.Inventory{
		Stores: set, Files: backend.NewFiles(server.Config(), w.reports), History: w,
		Composer: alert.Composer{Account: "123456789012", Region: local.Region},
		Topic:    alert.NewTopic(sns.NewFromConfig(server.Config()), w.Topic), Meter: metric.NewPublisher(server.Config(), "Test"),
		Paths: paths, Now: w.now, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Wait: func(context.Context, time.Duration) error { w.waiting(); return nil },
	}
}

// run makes an inventory that must succeed.
func (w *world) run() inventory.Report {
	w.Helper()
	report, err := w.inventory(server.Config()).Run(context.Background(), inventory.Request{})
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// put writes a state, without its digest, and returns its version.
func (w *world) put(key, content string) string { w.Helper(); return w.Put(key, []byte(content)) }

// apply writes a state with its digest, as a client does.
func (w *world) apply(key, content string) string { w.Helper(); return w.Apply(key, []byte(content)) }

// lock takes the lock of a state in the table, or in the bucket.
func (w *world) lock(inBucket bool) {
	w.Helper()
	var store backend.Store = w.Set.Tables[0]
	if inBucket {
		store = w.Set.Buckets[0]
	}
	w.Lock(key, "id", store)
}

func sum(content string) string { return local.MD5(content) }

// file reads a file of the report bucket.
func (w *world) file(key string) []byte {
	w.Helper()
	body, err := backend.NewFiles(server.Config(), w.reports).Read(context.Background(), key)
	if err != nil {
		w.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		w.Fatal(err)
	}
	return content
}

// rows are those of the NDJSON, by path.
func (w *world) rows() map[string]map[string]any {
	w.Helper()
	rows := map[string]map[string]any{}
	for line := range strings.Lines(string(w.file("inventory/states.ndjson"))) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			w.Fatal(err)
		}
		rows[row["path"].(string)] = row
	}
	return rows
}

func (w *world) row(key string) map[string]any {
	w.Helper()
	row := w.rows()[string(w.Path(key))]
	if row == nil {
		w.Fatalf("no row of %s", key)
	}
	return row
}

// news are the events since the last call: type, severity, and the findings by type and key.
func (w *world) news() []string {
	w.Helper()
	messages := w.Published()
	list := []string{}
	for _, m := range messages[w.seen:] {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["default"]), &e); err != nil {
			w.Fatal(err)
		}
		text := string(e.Type) + " " + string(e.Severity)
		for _, f := range e.Findings {
			text += " " + w.named(f)
		}
		if e.Omitted > 0 {
			text += fmt.Sprintf(" and %d", e.Omitted)
		}
		list = append(list, text)
	}
	w.seen = len(messages)
	slices.Sort(list)
	return list
}

func (w *world) named(f policy.StateFinding) string {
	var keys []string
	for _, path := range f.All() {
		keys = append(keys, path.Key())
	}
	return fmt.Sprintf("%s of %s", f.Type, strings.Join(keys, " and "))
}

// found are the findings of a report.
func (w *world) found(r inventory.Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, w.named(f))
	}
	slices.Sort(list)
	return list
}

func (w *world) want(what string, got []string, want ...string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// stateOf writes a version 4 state.
func stateOf(serial int, lineage string, resources ...string) string {
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.11.4","serial":%d,"lineage":%q,"outputs":{},"resources":[%s],"check_results":null}`, serial, lineage, strings.Join(resources, ","))
}

// object is a resource with one instance of these attributes, as JSON.
func object(kind, attributes string) string {
	return fmt.Sprintf(`{"mode":"managed","type":%q,"name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":1,"attributes":%s}]}`, kind, attributes)
}

func (w *world) config() aws.Config { return server.Config() }

// multipart writes a state in parts, as clients write large ones.
func (w *world) multipart(content string) string {
	w.Helper()
	ctx, key := context.Background(), key
	upload, err := server.S3().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &w.Bucket, Key: &key})
	if err != nil {
		w.Fatal(err)
	}
	part, err := server.S3().UploadPart(ctx, &s3.UploadPartInput{Bucket: &w.Bucket, Key: &key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(content)})
	if err != nil {
		w.Fatal(err)
	}
	out, err := server.S3().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &w.Bucket, Key: &key, UploadId: upload.UploadId,
		MultipartUpload: &s3types.CompletedMultipartUpload{Parts: []s3types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	})
	if err != nil {
		w.Fatal(err)
	}
	if !strings.Contains(aws.ToString(out.ETag), "-") {
		w.Fatalf("the ETag %s is that of one part", aws.ToString(out.ETag))
	}
	return aws.ToString(out.VersionId)
}

// underKey writes a state that is encrypted with a KMS key.
func (w *world) underKey(key, content string) string {
	w.Helper()
	out, err := server.S3().PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &w.Bucket, Key: &key, Body: strings.NewReader(content), ServerSideEncryption: s3types.ServerSideEncryptionAwsKms,
		SSEKMSKeyId: aws.String("arn:aws:kms:eu-central-1:123456789012:key/1"),
	})
	if err != nil {
		w.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}
