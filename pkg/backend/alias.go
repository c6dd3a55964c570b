package backend

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Aliases gives the other names under which a table has rows (locks or digests) of a
// state: by the state's path (bucket/key), the names whose cleaned path it is; see
// [tflock.Path.Clean]. It reads the whole table, consistently, and only names that can be
// aliases cross the network. It fails with *Error.
func (t *Table) Aliases(ctx context.Context) (map[tflock.Path][]tflock.Path, error) {
	found := map[tflock.Path][]tflock.Path{}
	for row, err := range t.scan(ctx, &dynamodb.ScanInput{
		ConsistentRead:           aws.Bool(true),
		FilterExpression:         aws.String("contains(#key, :slashes) OR contains(#key, :dot)"),
		ProjectionExpression:     aws.String("#key, #info"),
		ExpressionAttributeNames: map[string]string{"#key": lockID, "#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":slashes": &types.AttributeValueMemberS{Value: "//"}, ":dot": &types.AttributeValueMemberS{Value: "/."},
		},
	}) {
		if err != nil {
			return nil, err
		}
		name := stateName(row.lockID, row.attributes["Info"] != nil)
		if path := name.Clean(); path != name && !slices.Contains(found[path], name) {
			found[path] = append(found[path], name)
		}
	}
	return found, nil
}
