package local

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// DuePlans sets the announced times of the planned releases to the past: the shortest
// ScanEvery is a minute, which no test wants to wait.
func (s *Stack) DuePlans(ctx context.Context) error {
	client, table := dynamodb.NewFromConfig(s.aws.Config()), aws.String(s.Resources["LedgerTable"])
	rows, err := client.Query(ctx, &dynamodb.QueryInput{
		TableName: table, KeyConditionExpression: aws.String("kind = :auto AND begins_with(id, :plan)"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":auto": &types.AttributeValueMemberS{Value: "auto"}, ":plan": &types.AttributeValueMemberS{Value: "plan#"}},
	})
	if err != nil {
		return fmt.Errorf("read the planned releases: %w", err)
	}
	for _, row := range rows.Items {
		plan := map[string]any{}
		body, ok := row["body"].(*types.AttributeValueMemberS)
		if !ok {
			return fmt.Errorf("a planned release has no body: %v", row["id"])
		}
		if err := json.Unmarshal([]byte(body.Value), &plan); err != nil {
			return fmt.Errorf("read a planned release: %w", err)
		}
		plan["not_before"] = time.Now().Add(-time.Second).UTC()
		changed, err := json.Marshal(plan)
		if err != nil {
			return fmt.Errorf("write a planned release: %w", err)
		}
		row["body"] = &types.AttributeValueMemberS{Value: string(changed)}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: row}); err != nil {
			return fmt.Errorf("write a planned release: %w", err)
		}
	}
	return nil
}
