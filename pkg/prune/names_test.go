package prune_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// Whoever may write the rows of one prefix makes many names of another team's state. No lock of
// ours is taken on it, let alone on each name, and the other states are pruned as ever.
func TestManyNamesOfAState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	w.stale("branches/other/terraform.tfstate", local.State(t, "destroyed"))
	for i := range 40 {
		name := w.Path(fmt.Sprintf("a-team/%02d/../../%s", i, key))
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &w.TableARN, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(name) + "-md5"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	var taken atomic.Int64
	wire := &local.Wire{Before: func(call string) {
		if strings.HasSuffix(call, ".PutItem") {
			taken.Add(1)
		}
	}}
	report, err := w.run(wire, prune.Request{}, "r")
	if err != nil || len(report.Pruned) != 1 || len(report.Kept) != 1 || report.Kept[0].Reason != policy.Locked || !strings.Contains(report.Kept[0].Why, "under more than 20 names") {
		t.Errorf("%+v, %v", report, err)
	}
	if taken.Load() > 10 || len(w.held()) != 0 || !w.Readable(key) {
		t.Errorf("%d rows were written; held %v", taken.Load(), w.held())
	}
}
