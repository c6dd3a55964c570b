package scale_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/scale"
)

func online(t *testing.T, w *scale.World) aws.Config {
	t.Helper()
	w.Latency = time.Millisecond
	return w.Online(t)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func TestAScanReadsMegabytesBeforeItFilters(t *testing.T) {
	table := scale.LockTable("locks", scale.Crowd{States: 20_000, Locks: 7, Taken: time.Now()})
	w := &scale.World{Tables: map[string]*scale.Table{"locks": table}}
	client := dynamodb.NewFromConfig(online(t, w))
	table.Put(scale.Lock("states/one", "one", time.Now()))
	for filter, want := range map[string]int{
		"": 20_008, "attribute_not_exists(Digest)": 8, "attribute_exists(Digest)": 20_000,
		"begins_with(LockID, :one) OR (attribute_exists(Info) AND LockID = :one)": 1,
	} {
		w.Reset()
		input := &dynamodb.ScanInput{TableName: aws.String("locks")}
		if filter != "" {
			input.FilterExpression = &filter
		}
		if strings.Contains(filter, ":one") {
			input.ExpressionAttributeValues = map[string]types.AttributeValue{":one": text("states/one")}
		}
		items, scanned, keys := 0, int32(0), map[string]bool{}
		for pages := dynamodb.NewScanPaginator(client, input); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			items, scanned = items+len(page.Items), scanned+page.ScannedCount
			for _, item := range page.Items {
				keys[item["LockID"].(*types.AttributeValueMemberS).Value] = true
			}
		}
		// 20,000 digests of some 130 bytes are 3 MB; the written row is behind them.
		if items != want || len(keys) != want || scanned != 20_008 || w.Calls()["Scan"] != table.Pages()+1 || table.Pages() != 3 {
			t.Errorf("%q: %d items, %d keys, %d scanned, %v, %d pages", filter, items, len(keys), scanned, w.Calls(), table.Pages())
		}
	}
}

func TestWritesKeepTheirConditions(t *testing.T) {
	w := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	client := dynamodb.NewFromConfig(online(t, w))
	update := func(condition, now string) string {
		_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: aws.String("ledger"), Key: map[string]types.AttributeValue{"kind": text("run"), "id": text("monitor")},
			UpdateExpression: aws.String("SET #u = :now"), ConditionExpression: &condition,
			ExpressionAttributeNames:  map[string]string{"#u": "until"},
			ExpressionAttributeValues: map[string]types.AttributeValue{":now": &types.AttributeValueMemberN{Value: now}},
		})
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			return api.ErrorCode()
		}
		return "done"
	}
	got := []string{
		update("attribute_not_exists(#u)", "9"), update("attribute_not_exists(#u)", "10"), update("#u < :now", "10"), update("#u < :now", "9"),
		update("#u = :now AND (attribute_exists(kind) OR #u > :now)", "10"), update("size(#u) = :now", "10"),
	}
	want := []string{"done", "ConditionalCheckFailedException", "done", "ConditionalCheckFailedException", "done", "ValidationException"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestAListingIsInOrderAndWhole(t *testing.T) {
	b := &scale.Bucket{Name: "states", Crowd: scale.Crowd{States: 2_500, Locks: 500, Taken: time.Now()}}
	w := &scale.World{Buckets: map[string]*scale.Bucket{"states": b}}
	client := s3.NewFromConfig(online(t, w), func(o *s3.Options) { o.UsePathStyle = true })
	for _, key := range []string{"a", "teams/team-0001/x", "z"} {
		b.Put(key, "{}", time.Now())
	}
	list := func(prefix string) []string {
		var keys []string
		for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String("states"), Prefix: &prefix}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Contents {
				keys = append(keys, aws.ToString(o.Key))
			}
		}
		return keys
	}
	all := list("")
	if len(all) != 3_003 || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) || w.Calls()["ListObjectsV2"] != 4 {
		t.Errorf("%d keys, %v", len(all), w.Calls())
	}
	if part := list("teams/team-0001/"); len(part) != 1_201 {
		t.Errorf("%d keys in a team", len(part))
	}
	for _, prefix := range []string{all[0], all[7], all[3_002]} {
		if part := list(prefix); len(part) == 0 || part[0] != prefix {
			t.Errorf("the first key with the prefix %s is %v", prefix, part)
		}
	}
}
