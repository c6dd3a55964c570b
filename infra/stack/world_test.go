package stack_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// world is a table and a bucket with the name that the sample events use, others in
// another region, and two stacks that watch them: quick sees every lock as old, careful
// has the defaults.
type world struct {
	quick, careful *local.Stack
	set            backend.Set
}

const (
	sampleID  = "78007e4f-7284-5b8c-b34c-620445a03e9c"
	sampleKey = "network/production/terraform.tfstate"
	staleKey  = "branches/feature-x/terraform.tfstate"
	states    = "states"
)

var worldMade *world

func newWorld(t *testing.T) *world {
	t.Helper()
	if worldMade != nil {
		return worldMade
	}
	var tables, buckets []string
	for region, name := range map[string]string{local.Region: states, "us-west-2": "more-states"} {
		table, err := server.In(region).MakeTable(t.Context(), name, "LockID")
		check(t, err)
		bucket, err := server.In(region).MakeBucket(t.Context(), name)
		check(t, err)
		tables, buckets = append(tables, table), append(buckets, bucket)
	}
	parameters := map[string]string{
		"CreateBackend": "false", "WatchTableArns": strings.Join(tables, ","), "WatchBucketArns": strings.Join(buckets, ","),
		"SlackWebhookParameter": slackParameter(t),
	}
	w := &world{}
	w.careful = deploy(t, "careful", parameters)
	parameters["ReleaseGuard"], parameters["StuckAfter"] = "1ms", "1ms"
	w.quick = deploy(t, "quick", parameters)
	var err error
	w.set, err = backend.Open(server.Config(), tables, buckets)
	check(t, err)
	worldMade = w
	return w
}

// prepare makes what an event's outcome needs, and returns the stack to send it to.
// Where nothing is said of a case, one lock is stuck, in the table and in the bucket.
func (w *world) prepare(t *testing.T, function, name string) *local.Stack {
	t.Helper()
	switch function + " " + name {
	case "monitor schedule":
		w.lock(t, "notified/terraform.tfstate", "notified")
		w.scanOutOfTurn(t)
		w.scan(t)
		w.clear(t) // so it is resolved, and another is there
		w.lock(t, sampleKey, sampleID)
	case "unlock not_found":
	case "unlock changed":
		w.lock(t, sampleKey, "another")
	case "unlock ambiguous":
		w.lock(t, sampleKey, sampleID)
		w.lock(t, "other/terraform.tfstate", sampleID)
	case "unlock refused", "unlock released-by-force":
		w.lock(t, sampleKey, sampleID)
		return w.careful
	case "unlock partial": // one half cannot be removed
		w.lock(t, sampleKey, sampleID)
		w.keepObjects(t)
	case "report weekly", "report now":
		w.lock(t, "reported/terraform.tfstate", "reported")
		w.scan(t)
		w.clear(t) // so it is gone, and the report looks up who removed it
		w.lock(t, sampleKey, sampleID)
		w.scan(t)               // by which the report knows the tables
		time.Sleep(time.Second) // a report is of whole seconds, and ends before this one
	case "inventory schedule", "inventory one-path", "repair repaired-accept_state", "repair would_repair", "repair refused-unknown-version":
		w.mismatch(t)
	case "repair repaired-delete_digest":
		w.digest(t, "network/gone/terraform.tfstate")
	case "prune dry-run", "prune schedule":
		w.stale(t)
	case "prune restore":
		w.stale(t)
		if result, err := w.quick.Invoke(t.Context(), "prune", "PruneFunction", "{}"); err != nil || result.Failed || !strings.Contains(result.Payload, staleKey) {
			t.Fatalf("nothing was pruned: %v: %s", err, result.Payload)
		}
	default:
		w.lock(t, sampleKey, sampleID)
	}
	return w.quick
}

func (w *world) scan(t *testing.T) {
	t.Helper()
	check(t, w.quick.Scan(t.Context()))
}

// scanOutOfTurn has the monitor scan while another invocation is telling.
func (w *world) scanOutOfTurn(t *testing.T) {
	t.Helper()
	memory := ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.quick.Resources["LedgerTable"])
	lease, err := memory.Begin(t.Context(), "another", &scan.Scan{Started: time.Now()}, time.Now())
	check(t, err)
	w.scan(t)
	check(t, lease.End(t.Context(), nil))
}

// stale has a destroyed state with its digest that nobody wrote for two months.
func (w *world) stale(t *testing.T) {
	t.Helper()
	content := read(t, "pkg", "tfstate", "testdata", "destroyed.tfstate")
	_, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(states), Key: aws.String(staleKey), Body: strings.NewReader(content)})
	check(t, err)
	check(t, server.SetDigest(t.Context(), states, states+"/"+staleKey, local.MD5(content)))
	check(t, server.Age(states, staleKey, 60*24*time.Hour))
}

// slackParameter names a parameter with the URL of a stand-in for Slack, which takes
// every post until the tests end.
var slackParameter = func() func(t *testing.T) string {
	const name = "/lockwarden/slack"
	var once sync.Once
	return func(t *testing.T) string {
		t.Helper()
		once.Do(func() {
			webhook, err := local.StartWebhook("/services/T0/B0/secret")
			check(t, err)
			check(t, server.MakeSecret(t.Context(), name, webhook.URL))
		})
		return name
	}
}()

// lock takes a lock in the table and the bucket of the samples, as a client does.
func (w *world) lock(t *testing.T, key, id string) {
	t.Helper()
	for _, s := range w.set.All() {
		if strings.HasSuffix(s.ARN(), "/"+states) || strings.HasSuffix(s.ARN(), ":"+states) {
			check(t, local.TakeLock(t.Context(), tflock.NewPath(states, key), id, s))
		}
	}
}

// keepObjects has the bucket refuse every delete until the test ends.
func (w *world) keepObjects(t *testing.T) {
	t.Helper()
	client := server.S3()
	_, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(states), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::states/*"}]}`,
	)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteBucketPolicy(context.Background(), &s3.DeleteBucketPolicyInput{Bucket: aws.String(states)}); err != nil {
			t.Error(err)
		}
	})
}

// clear removes every lock.
func (w *world) clear(t *testing.T) {
	t.Helper()
	for _, s := range w.set.All() {
		for h, err := range s.Holdings(t.Context()) {
			if err == nil {
				err = s.Release(t.Context(), h)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// mismatch has a state of two versions whose digest is that of neither.
func (w *world) mismatch(t *testing.T) {
	t.Helper()
	for _, name := range []string{"applied", "destroyed"} {
		content := read(t, "pkg", "tfstate", "testdata", name+".tfstate")
		_, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(states), Key: aws.String(sampleKey), Body: strings.NewReader(content)})
		check(t, err)
	}
	w.digest(t, sampleKey)
}

// digest has a digest that belongs to nothing.
func (w *world) digest(t *testing.T, key string) {
	t.Helper()
	check(t, server.SetDigest(t.Context(), states, states+"/"+key, "0123"))
}
