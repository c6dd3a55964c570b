package inprocess

import (
	"errors"
	"maps"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/expression"
)

// meets says whether the condition holds for the item that is there, which may be nil.
func meets(condition *string, names map[string]string, values, there item) error {
	holds, err := expression.Holds(aws.ToString(condition), expression.Scope{Names: names, Placeholder: values.value, Attribute: there.value})
	if err == nil && !holds {
		err = errCondition
	}
	return err
}

var errCondition = errors.New("the conditional request failed")

// conditionFailed is DynamoDB's answer, with the item that is there where that is wanted.
func conditionFailed(err error, wanted ddb.ReturnValuesOnConditionCheckFailure, there item) error {
	if !errors.Is(err, errCondition) {
		return err
	}
	failed := &ddb.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	if wanted == ddb.ReturnValuesOnConditionCheckFailureAllOld {
		failed.Item = maps.Clone(there)
	}
	return refused(http.StatusBadRequest, failed)
}

func (a *AWS) putItem(in *dynamodb.PutItemInput) (any, error) {
	t, err := a.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Item)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	t.all[id] = maps.Clone(item(in.Item))
	return &dynamodb.PutItemOutput{}, nil
}

func (a *AWS) deleteItem(in *dynamodb.DeleteItemInput) (any, error) {
	t, err := a.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Key)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	delete(t.all, id)
	return &dynamodb.DeleteItemOutput{}, nil
}

func (a *AWS) updateItem(in *dynamodb.UpdateItemInput) (any, error) {
	t, err := a.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Key)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	next := maps.Clone(t.all[id])
	if next == nil {
		next = maps.Clone(item(in.Key))
	}
	if err := expression.Assign(next, aws.ToString(in.UpdateExpression), in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
		return nil, err
	}
	t.all[id] = next
	out := &dynamodb.UpdateItemOutput{}
	if in.ReturnValues == ddb.ReturnValueAllNew {
		out.Attributes = maps.Clone(next)
	}
	return out, nil
}

func (a *AWS) batchWrite(in *dynamodb.BatchWriteItemInput) (any, error) {
	for name, requests := range in.RequestItems {
		t, err := a.table(&name)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if r.PutRequest != nil {
				t.all[t.id(r.PutRequest.Item)] = maps.Clone(item(r.PutRequest.Item))
			} else {
				delete(t.all, t.id(r.DeleteRequest.Key))
			}
		}
	}
	return &dynamodb.BatchWriteItemOutput{}, nil
}
