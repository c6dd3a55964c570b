package probe

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// rows are the calls of a DynamoDB client that a probe makes.
type rows interface {
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, options ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// Table probes a lock table, in six calls. Its row looks like the digest of a state in a
// bucket that cannot be, since the names of buckets begin with no capital: no client and no
// scan looks at it.
func Table(ctx context.Context, client rows, table string) Report {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	t := &tableProbe{client: client, table: table, id: "Lockwarden-probe/" + rand.Text() + "-md5", Report: Report{Store: table, Create: NotKnown, Delete: NotKnown, Replace: NotKnown}}
	t.create(ctx)
	t.replace(ctx)
	t.delete(ctx)
	t.clean(ctx)
	return t.Report
}

// tableProbe is one probe of a table.
type tableProbe struct {
	client rows
	table  string
	id     string
	wrote  bool
	Report
}

func (t *tableProbe) key() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: t.id}}
}

// put writes the row on condition that there is none.
func (t *tableProbe) put(ctx context.Context, text string) error {
	row := t.key()
	row["Digest"] = &types.AttributeValueMemberS{Value: scratch + " " + text}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.table, Item: row, ConditionExpression: aws.String("attribute_not_exists(LockID)")})
	t.wrote = t.wrote || err == nil
	return err
}

func (t *tableProbe) create(ctx context.Context) {
	err := t.put(ctx, "first")
	if unmet(err) && t.exists(ctx) { // the answer to an earlier attempt was lost
		t.wrote, err = true, nil
	}
	if err != nil {
		t.note("nothing could be written", cause(err))
		return
	}
	switch err := t.put(ctx, "second"); {
	case err == nil:
		t.Create = Ignored
	case unmet(err):
		t.Create = Holds
	default:
		t.note("a second write could not be tried", cause(err))
	}
}

// replace writes over the row on a wrong condition, then on the right one, as a repair writes a
// digest.
func (t *tableProbe) replace(ctx context.Context) {
	if !t.wrote {
		return
	}
	err := t.update(ctx, "#digest = :digest", "another", "third")
	if err == nil {
		t.Replace = Ignored
		return
	}
	if unmet(err) {
		err = t.update(ctx, "begins_with(#digest, :digest)", scratch, "fourth")
	}
	switch {
	case err == nil:
		t.Replace = Holds
	case unmet(err):
		t.Replace = Rejected
		t.note("a write over something with the right condition was refused", cause(err))
	default:
		t.note("a write over something could not be tried", cause(err))
	}
}

func (t *tableProbe) update(ctx context.Context, condition, value, text string) error {
	_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.table, Key: t.key(), UpdateExpression: aws.String("SET #digest = :new"), ConditionExpression: &condition,
		ExpressionAttributeNames: map[string]string{"#digest": "Digest"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":digest": &types.AttributeValueMemberS{Value: value}, ":new": &types.AttributeValueMemberS{Value: scratch + " " + text},
		},
	})
	return err
}

// delete deletes on a wrong condition, then on the right one.
func (t *tableProbe) delete(ctx context.Context) {
	if !t.wrote {
		return
	}
	switch err := t.remove(ctx, "#digest = :digest", "another"); {
	case err == nil:
		t.Delete = Ignored
		return
	case !unmet(err):
		t.note("a delete could not be tried", cause(err))
		return
	}
	switch err := t.remove(ctx, "begins_with(#digest, :digest)", scratch); {
	case err == nil || unmet(err) && !t.exists(ctx): // the latter: the answer to an earlier attempt was lost
		t.Delete = Holds
	case unmet(err):
		t.Delete = Rejected
		t.note("a delete with the right condition was refused", cause(err))
	default:
		t.note("a delete could not be tried", cause(err))
	}
}

func (t *tableProbe) remove(ctx context.Context, condition, value string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.table, Key: t.key(), ConditionExpression: &condition, ExpressionAttributeNames: map[string]string{"#digest": "Digest"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":digest": &types.AttributeValueMemberS{Value: value}},
	})
	return err
}

func (t *tableProbe) exists(ctx context.Context) bool {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.table, Key: t.key(), ConsistentRead: aws.Bool(true)})
	return err == nil && out.Item != nil
}

// clean removes the row where the probe has not done so.
func (t *tableProbe) clean(ctx context.Context) {
	if !t.wrote || t.Delete == Holds {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
	defer cancel()
	if _, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.table, Key: t.key()}); err != nil {
		t.note("the row "+t.id+" is left", cause(err))
	}
}

// unmet reports whether a condition was the reason.
func unmet(err error) bool {
	_, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	return ok
}
