package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	stores "github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// What one prune leaves to the next comes back as it was, however many states are done, and nothing of an earlier pass with it.
func TestTheMarkOfAPruneComesBack(t *testing.T) {
	cfg := inprocess.New(time.Now, 0).Config()
	if _, err := stores.MakeTable(t.Context(), cfg, "ledger", "kind", "id"); err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	prunes := ledger.NewPrunes(client, "ledger")
	done := make([]uint64, 60_000)
	for i := range done {
		done[i] = uint64(i) << 40
	}
	place := ledger.Place{Bucket: "arn:aws:s3:::states", Prefix: "branches/", Key: "branches/x"}
	for _, step := range []struct {
		name string
		mark ledger.Mark
	}{
		{"nothing", ledger.Mark{}},
		{"a long pass", ledger.Mark{Pass: ledger.Pass{Name: "a", Place: place, Runs: 2, Undone: true, Stay: done}}},
		{"another one, of fewer states", ledger.Mark{Pass: ledger.Pass{Name: "b", Stay: done[:30_000]}, Left: "states/branches/"}},
		{"a lock alone", ledger.Mark{Left: "states/branches/x"}},
		{"nothing again", ledger.Mark{}},
	} {
		if err := prunes.SetMark(t.Context(), step.mark); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		got, err := prunes.Mark(t.Context())
		slices.Sort(got.Pass.Stay)
		if diff := cmp.Diff(step.mark, got); diff != "" || err != nil {
			t.Errorf("%s: %v, %s", step.name, err, diff[:min(len(diff), 2000)])
		}
	}
	for name, body := range map[string]string{
		"no JSON": "x", "a place of an earlier release": `{"bucket":"arn:aws:s3:::states","prefix":"branches/","key":"branches/x","rest":true}`,
	} {
		row := map[string]types.AttributeValue{"kind": &types.AttributeValueMemberS{Value: "prune"}, "id": &types.AttributeValueMemberS{Value: "bookmark"}, "body": &types.AttributeValueMemberS{Value: body}}
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("ledger"), Item: row}); err != nil {
			t.Fatal(err)
		}
		if got, err := prunes.Mark(t.Context()); err != nil || !got.IsZero() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
