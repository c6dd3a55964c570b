package prune_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// insideBucket is the bucket of the states.
const insideBucket = "states"

// insideWorld is an AWS within the test, for runs on a clock of its own.
type insideWorld struct {
	*testing.T
	calls   inprocess.Calls
	config  aws.Config
	client  *s3.Client
	reports bool // PruneMode=report
	most    int  // bytes that a run records of what it prunes; 0: what the function has time for
}

// inside makes one with a lock table and a ledger.
func inside(t *testing.T) insideWorld {
	t.Helper()
	cfg := inprocess.New(time.Now, 0).Config()
	for name, keys := range map[string][]string{"locks": {"LockID"}, "ledger": {"kind", "id"}} {
		if _, err := contract.MakeTable(t.Context(), cfg, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	return insideWorld{T: t, config: cfg, calls: cfg.HTTPClient.(inprocess.Calls), client: s3.NewFromConfig(cfg)} //nolint:errcheck,forcetypeassert // it is what Config gives
}

func (w insideWorld) put(key string, content []byte) {
	w.Helper()
	if _, err := w.client.PutObject(w.Context(), &s3.PutObjectInput{Bucket: aws.String(insideBucket), Key: &key, Body: bytes.NewReader(content)}); err != nil {
		w.Fatal(err)
	}
}

func (w insideWorld) has(key string) bool {
	_, err := w.client.HeadObject(w.Context(), &s3.HeadObjectInput{Bucket: aws.String(insideBucket), Key: &key})
	return err == nil
}

func (w insideWorld) hasAny(keys []string) bool {
	for _, key := range keys {
		if w.has(key) {
			return true
		}
	}
	return false
}

// rows are the LockIDs of all rows of the lock table.
func (w insideWorld) rows() (ids []string) {
	w.Helper()
	out, err := w.calls(w.Context(), "Scan", &dynamodb.ScanInput{TableName: aws.String("locks")})
	if err != nil {
		w.Fatal(err)
	}
	for _, row := range out.(*dynamodb.ScanOutput).Items { //nolint:errcheck,forcetypeassert // it is what a scan answers
		ids = append(ids, row["LockID"].(*types.AttributeValueMemberS).Value) //nolint:errcheck,forcetypeassert // as is its key
	}
	return ids
}

// writtenRow is the LockID of the row that a call writes or deletes; empty: it does neither.
func writtenRow(input any) string {
	var row map[string]types.AttributeValue
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		row = in.Item
	case *dynamodb.DeleteItemInput:
		row = in.Key
	}
	id, _ := row["LockID"].(*types.AttributeValueMemberS)
	if id == nil {
		return ""
	}
	return id.Value
}

// nothing fails.
func nothing(any) error { return nil }

// run is one of Lambda's, of every branches/. Before each attempt of a call it asks whether that fails.
func (w insideWorld) run(id string, fails func(input any) error) (prune.Report, error) {
	w.Helper()
	return w.runOf("*/branches/**", id, fails)
}

// runOf is one of some paths.
func (w insideWorld) runOf(globs, id string, fails func(input any) error) (prune.Report, error) {
	w.Helper()
	return w.runIn([][2]string{{insideBucket, ""}}, globs, id, fails)
}

// runIn is one over buckets, by name, each of which has the keys with a prefix.
func (w insideWorld) runIn(buckets [][2]string, globs, id string, fails func(input any) error) (prune.Report, error) {
	w.Helper()
	var waits sync.WaitGroup
	defer waits.Wait()
	cfg := inprocess.RepeatedConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		failed := make(chan error, 1)
		waits.Go(func() { failed <- fails(input) }) // which may take longer than there is time
		select {
		case err := <-failed:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if in, lists := input.(*s3.ListObjectsV2Input); lists && aws.ToString(in.Prefix) == "" {
			of := *in
			of.Prefix = &buckets[slices.IndexFunc(buckets, func(b [2]string) bool { return b[0] == *in.Bucket })][1]
			input = &of
		}
		return w.calls(ctx, operation, input)
	})
	var arns []string
	for _, bucket := range buckets {
		arns = append(arns, "arn:aws:s3:::"+bucket[0])
	}
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, arns)
	if err != nil {
		w.Fatal(err)
	}
	paths, err := policy.ParsePaths(globs)
	if err != nil {
		w.Fatal(err)
	}
	table := ledger.NewPrunes(dynamodb.NewFromConfig(cfg), "ledger")
	p := &prune.Pruner{
		Stores: set, Records: table, Bookmark: table, Composer: alert.Composer{Account: "123456789012", Region: local.Region},
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), "arn:aws:sns:"+local.Region+":123456789012:topic"), Meter: metric.NewPublisher(cfg, "Test"),
		Rules: prune.Rules{Paths: paths, After: 30 * 24 * time.Hour, WithoutDigest: true, ReportOnly: w.reports}, Now: time.Now, Log: slog.New(slog.DiscardHandler), MaxRecorded: w.most,
	}
	ctx, cancel := context.WithTimeout(w.Context(), 15*time.Minute)
	defer cancel()
	return p.Run(ctx, prune.Request{}, id)
}
