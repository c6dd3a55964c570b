//go:build !race

package unlock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Whoever may write the rows of one prefix writes locks of 17 KB under names that climb to another team's state. A scan does not read all of
// them, and what it does not read holds its lock back no more in the unlock function, or each scan would announce and ask for what is refused.
func TestLargeRowsThatClimbHaveNothingAnnouncedAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	client := dynamodb.NewFromConfig(server.Config())
	info := fmt.Sprintf(`{"ID":"junk","Operation":"OperationTypePlan","Info":%q,"Who":"x@y","Version":"1.5.7","Created":"2026-11-23T07:06:04.85961561Z","Path":""}`, strings.Repeat("x", 17<<10))
	for i := range 40 {
		var batch []types.WriteRequest
		for j := range 10 {
			name := fmt.Sprintf("%s/a-team/%d", p.Bucket, i*10+j)
			if i*10+j == 0 {
				name = p.Bucket + "/a-team/q/../../env/victim"
			}
			batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}, "Info": &types.AttributeValueMemberS{Value: info}}}})
		}
		if _, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{p.Table: batch}}); err != nil {
			t.Fatal(err)
		}
	}
	p.take("env/victim", "1")
	p.ends("1", minute)
	for at := 12 * minute; at < 30*time.Minute; at += 5 * minute {
		p.scans(at)
	}
	if got := p.published(); slices.Contains(got, "lock.refused") || p.invoked > 1 {
		t.Errorf("published %q, %d invocations: %q", got, p.invoked, p.outcomes)
	}
}
