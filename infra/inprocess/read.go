package inprocess

import (
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/expression"
)

func (a *AWS) getItem(in *dynamodb.GetItemInput) (any, error) {
	t, err := a.table(in.TableName)
	if err != nil {
		return nil, err
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(t.all[t.id(in.Key)])}, nil
}

func (a *AWS) query(in *dynamodb.QueryInput) (any, error) {
	all, err := a.selected(in.TableName, in.KeyConditionExpression, in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(all)
	}
	return &dynamodb.QueryOutput{Items: all, Count: int32(len(all))}, err //nolint:gosec // they are few
}

func (a *AWS) scan(in *dynamodb.ScanInput) (any, error) {
	all, err := a.selected(in.TableName, nil, in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	for i, r := range all {
		all[i] = expression.Project(r, aws.ToString(in.ProjectionExpression), in.ExpressionAttributeNames)
	}
	return &dynamodb.ScanOutput{Items: all, Count: int32(len(all))}, err //nolint:gosec // they are few
}

// selected returns the rows that meet both conditions, in the order of their keys.
func (a *AWS) selected(name, keys, filter *string, names map[string]string, values item) ([]map[string]ddb.AttributeValue, error) {
	t, err := a.table(name)
	if err != nil {
		return nil, err
	}
	var all []map[string]ddb.AttributeValue
	for _, id := range slices.Sorted(maps.Keys(t.all)) {
		r := t.all[id]
		err := errors.Join(meets(keys, names, values, r), meets(filter, names, values, r))
		switch {
		case err == nil:
			all = append(all, maps.Clone(r))
		case !errors.Is(err, errCondition):
			return nil, err
		}
	}
	return all, nil
}

func (a *AWS) batchGet(in *dynamodb.BatchGetItemInput) (any, error) {
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]ddb.AttributeValue{}}
	for name, wanted := range in.RequestItems {
		t, err := a.table(&name)
		if err != nil {
			return nil, err
		}
		for _, key := range wanted.Keys {
			if r := t.all[t.id(key)]; r != nil {
				out.Responses[name] = append(out.Responses[name], maps.Clone(r))
			}
		}
	}
	return out, nil
}
