package prune_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A team has many stale, empty states whose locks take the SDK's attempts to find out that they cannot be taken, until the time of a run is nearly over. The
// first lock of a run is taken alone: the states of others, which come after them, are pruned all the same.
func TestLocksThatTakeTimeTakeNoTurnsOfOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		objects bool // they have lock objects
		call    func(input any) (key string)
		fails   error
	}{
		"S3 does not give lock objects, such as under an external KMS key whose store does not answer": {true, func(input any) string {
			in, _ := input.(*s3.GetObjectInput)
			if in == nil || !strings.HasSuffix(*in.Key, tflock.Suffix) {
				return ""
			}
			return *in.Key
		}, &smithy.GenericAPIError{Code: "ServiceUnavailable"}},
		"transactions are under way on their rows": {false, func(input any) string {
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
			return tflock.Path(id.Value).Key()
		}, &types.TransactionConflictException{}},
	} {
		for where, folder := range map[string]func(i int) string{
			"in one folder": func(int) string { return "" },
			"twenty in each of folders within each other": func(i int) string { return nested(i / 20) },
			"fifty in each of them":                       func(i int) string { return nested(i / 50) },
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { slowLocks(t, tc.objects, folder, tc.call, tc.fails) })
			})
		}
	}
}

// nested are folders of which each has fewer in common with the one before.
func nested(i int) string {
	all := []string{"a/a/a/a/a/a/", "a/a/a/a/a/b/", "a/a/a/b/", "a/b/", "b/", "c/"}
	return all[min(i, len(all)-1)]
}

func slowLocks(t *testing.T, objects bool, folder func(i int) string, call func(input any) (key string), fails error) {
	t.Helper()
	const bucket, mine, other = "states", "a-team/branches/", "b-team/branches/x.tfstate"
	plain := inprocess.New(time.Now, 0).Config()
	for name, keys := range map[string][]string{"locks": {"LockID"}, "ledger": {"kind", "id"}} {
		if _, err := contract.MakeTable(t.Context(), plain, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	client := s3.NewFromConfig(plain)
	put := func(key string, content []byte) {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(content)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		key := fmt.Sprintf("%s%s%04d.tfstate", mine, folder(i), i)
		put(key, local.State(t, "destroyed"))
		if objects {
			put(key+tflock.Suffix, []byte("sealed"))
		}
	}
	put(other, local.State(t, "destroyed"))
	time.Sleep(month)
	began := time.Now()
	inside := plain.HTTPClient.(inprocess.Calls) //nolint:errcheck,forcetypeassert // it is what Config gives
	cfg := inprocess.ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		if strings.HasPrefix(call(input), mine) && time.Since(began) < 13*time.Minute+31*time.Second {
			time.Sleep(3 * time.Second)
			return nil, fails
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return inside(ctx, operation, input)
	})
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, []string{"arn:aws:s3:::" + bucket})
	if err != nil {
		t.Fatal(err)
	}
	table := ledger.NewPrunes(dynamodb.NewFromConfig(cfg), "ledger")
	p := &prune.Pruner{
		Stores: set, Records: table, Bookmark: table, Composer: alert.Composer{Account: "123456789012", Region: local.Region},
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), "arn:aws:sns:"+local.Region+":123456789012:topic"), Meter: metric.NewPublisher(cfg, "Test"),
		Rules: prune.Rules{After: 30 * 24 * time.Hour, OwnBucket: "arn:aws:s3:::" + bucket}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if p.Rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	report, err := p.Run(ctx, prune.Request{}, "run")
	if _, there := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(other)}); err != nil || there == nil {
		t.Errorf("after %v %d states were examined and %d pruned, errors %q, %v", time.Since(began), report.Examined, len(report.Pruned), report.Errors, err)
	}
}
