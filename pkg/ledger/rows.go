package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The table's keys: HASH `kind`, RANGE `id`, both strings; TTL in `expires_at`. What a row
// is about has its path in clear beside it, for people who look.
const (
	attrKind    = "kind"
	attrID      = "id"
	attrPath    = "path"
	attrLockID  = "lock_id"
	attrBody    = "body"
	attrExpires = "expires_at"
)

// table is the ledger's table in DynamoDB. Each type over it reads and writes rows of its
// own kinds.
type table struct {
	client *dynamodb.Client
	name   string
}

// get reads one row consistently; nil if there is none.
func (t table) get(ctx context.Context, key map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("read the ledger %s: %w", t.name, err)
	}
	return out.Item, nil
}

// ofKind asks for all rows of a kind, consistently.
func ofKind(kind string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("#kind = :kind"),
		ExpressionAttributeNames:  map[string]string{"#kind": attrKind},
		ExpressionAttributeValues: map[string]types.AttributeValue{":kind": text(kind)},
	}
}

// query returns the rows that are asked for, page by page. It ends with the first error.
func (t table) query(ctx context.Context, input *dynamodb.QueryInput) iter.Seq2[map[string]types.AttributeValue, error] {
	input.TableName = &t.name
	return func(yield func(map[string]types.AttributeValue, error) bool) {
		pages := dynamodb.NewQueryPaginator(t.client, input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, fmt.Errorf("read the ledger %s: %w", t.name, err))
				return
			}
			for _, row := range page.Items {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

func rowKey(kind, id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrKind: text(kind), attrID: text(id)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(row map[string]types.AttributeValue, name string) string {
	if s, ok := row[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(row map[string]types.AttributeValue, name string) int64 {
	n, ok := row[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return value
}

func conditionFailed(err error) bool {
	_, failed := errors.AsType[*types.ConditionalCheckFailedException](err)
	return failed
}
