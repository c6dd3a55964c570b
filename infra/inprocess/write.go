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

// meets reports whether the condition holds for the item that is there, which may be nil.
func meets(condition *string, names map[string]string, values, there item) error {
	holds, err := expression.Holds(aws.ToString(condition), expression.Scope{Names: names, Placeholder: values.value, Attribute: there.value})
	if err == nil && !holds {
		err = errCondition
	}
	return err
}

var errCondition = errors.New("the conditional request failed")

// write is a change of one row, on a condition.
type write struct {
	table     *string
	key       item // or all of the row
	condition *string
	names     map[string]string
	values    item
}

// write makes a change where its condition holds, and returns DynamoDB's answer where it does not.
func (a *AWS) write(w write, change func(t *rows, id string) error) error {
	t, err := a.table(w.table)
	if err != nil {
		return err
	}
	id := t.id(w.key)
	err = meets(w.condition, w.names, w.values, t.all[id])
	if err == nil {
		return change(t, id)
	}
	if !errors.Is(err, errCondition) {
		return err
	}
	return refused(http.StatusBadRequest, &ddb.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")})
}

func (a *AWS) putItem(in *dynamodb.PutItemInput) (any, error) {
	w := write{in.TableName, in.Item, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues}
	return &dynamodb.PutItemOutput{}, a.write(w, func(t *rows, id string) error {
		t.all[id] = maps.Clone(item(in.Item))
		return nil
	})
}

func (a *AWS) deleteItem(in *dynamodb.DeleteItemInput) (any, error) {
	w := write{in.TableName, in.Key, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues}
	return &dynamodb.DeleteItemOutput{}, a.write(w, func(t *rows, id string) error {
		delete(t.all, id)
		return nil
	})
}

func (a *AWS) updateItem(in *dynamodb.UpdateItemInput) (any, error) {
	w := write{in.TableName, in.Key, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues}
	out := &dynamodb.UpdateItemOutput{}
	return out, a.write(w, func(t *rows, id string) error {
		next := maps.Clone(item(in.Key))
		maps.Copy(next, t.all[id])
		if err := expression.Assign(next, aws.ToString(in.UpdateExpression), in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
			return err
		}
		t.all[id] = next
		if in.ReturnValues == ddb.ReturnValueAllNew {
			out.Attributes = maps.Clone(next)
		}
		return nil
	})
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
