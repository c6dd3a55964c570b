package backend

import (
	"context"
	"errors"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Table is a DynamoDB lock table: a row a lock (`LockID`, `Info`) and a row a
// state's digest (`LockID` ending in -md5, `Digest`), as Terraform's S3 backend
// writes them.
type Table struct {
	client     *dynamodb.Client
	arn        string
	name       string // what requests name it by: the ARN, so that it may be in another account
	conditions *conditions
}

// notDigest keeps digests from crossing the network: they outnumber locks by far. A
// row that has Info is a lock whatever else it carries, and rows of other tools
// stay visible.
const notDigest = "attribute_not_exists(#digest) OR attribute_exists(#info)"

// ARN names the table.
func (t *Table) ARN() string { return t.arn }

// Holdings streams every row that is not a digest, one page of at most 1 MB in memory
// at a time. It ends after the first error, which is an *Error, and after the first row
// which shows that the table is not a lock table: one without a LockID, or a second one of
// the same LockID. The scan is eventually consistent: a lock of the last second may be
// missing, one that is held for minutes cannot be. The bytes of a holding with an Err are
// not kept. Of rows that are larger than any client writes only the first ones of each
// prefix are read; see large.
func (t *Table) Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error] {
	return func(yield func(tflock.Holding, error) bool) {
		last := "" // a scan gives rows of one hash key one after the other
		var fat large
		for item, err := range t.scan(ctx, &dynamodb.ScanInput{
			FilterExpression:         aws.String(notDigest),
			ProjectionExpression:     aws.String("#key, #info"),
			ExpressionAttributeNames: map[string]string{"#key": lockID, "#info": "Info", "#digest": "Digest"},
		}) {
			if err == nil && item.lockID == last {
				err = &Error{t.arn, errNotLockTable}
			}
			if err != nil {
				yield(tflock.Holding{}, err)
				return
			}
			last = item.lockID
			if h, ok := t.listed(item, &fat); ok && !yield(h, nil) {
				return
			}
		}
	}
}

// listed is the holding of a row, without its bytes where they cannot be read.
func (t *Table) listed(row item, fat *large) (tflock.Holding, bool) {
	path := tflock.Path(row.lockID)
	if len(stringOf(row.attributes["Info"])) > tflock.UsualSize && !fat.reserve(path) {
		return tflock.Holding{Kind: tflock.DynamoDB, Store: t.arn, Path: path, Err: tflock.ErrLarge}, true
	}
	h, ok := t.holding(row.attributes)
	if h.Err != nil {
		h.Raw = ""
	}
	return h, ok
}

// Find reads the lock row of a state path (bucket/key), consistently. It is false
// where there is none.
func (t *Table) Find(ctx context.Context, path tflock.Path) (tflock.Holding, bool, error) {
	row, err := t.row(ctx, string(path))
	if err != nil {
		return tflock.Holding{}, false, &Error{t.arn, err}
	}
	if row == nil {
		return tflock.Holding{}, false, nil
	}
	h, ok := t.holding(row)
	return h, ok, nil
}

// clientAttributes are what clients write in a row. Whoever may write one can put any number of others there,
// up to 400 KB, which take some fifty times as much memory.
const clientAttributes = "#key, #info, #digest"

var attributeNames = map[string]string{"#key": lockID, "#info": "Info", "#digest": "Digest"}

// row reads a row consistently, or nil where there is none.
func (t *Table) row(ctx context.Context, id string) (map[string]types.AttributeValue, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: lockKey(id), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(clientAttributes), ExpressionAttributeNames: attributeNames,
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// Release deletes the row on condition that its Info is still the exact string that
// h was read with. It fails with ErrGone, *ChangedError or *Error.
func (t *Table) Release(ctx context.Context, h tflock.Holding) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: lockKey(string(h.Path)),
		ConditionExpression:       aws.String("#info = :raw"),
		ExpressionAttributeNames:  map[string]string{"#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":raw": &types.AttributeValueMemberS{Value: h.Raw}},
	}, outlastTransactions)
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		there, err := t.afterRefusal(ctx, string(h.Path), failed)
		if err != nil {
			return err
		}
		if there == nil {
			return ErrGone
		}
		winner, ok := t.holding(there)
		switch {
		case ok && winner.Raw == h.Raw: // it came back between the condition and the look
			return &Error{t.arn, failed}
		case ok:
			return &ChangedError{Now: &winner}
		}
		return &ChangedError{}
	}
	if err != nil {
		return &Error{t.arn, err}
	}
	return nil
}

func (t *Table) holding(item map[string]types.AttributeValue) (tflock.Holding, bool) {
	var row tflock.Row
	if id, ok := item["LockID"].(*types.AttributeValueMemberS); ok {
		row.LockID = id.Value
	}
	if info, ok := item["Info"]; ok {
		text, _ := info.(*types.AttributeValueMemberS)
		if text == nil {
			text = &types.AttributeValueMemberS{} // of another type: nothing that a client wrote
		}
		row.Info = &text.Value
	}
	_, row.HasDigest = item["Digest"]
	return tflock.FromRow(t.arn, row)
}

func lockKey(name string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}}
}
