package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ErrNotOurTurn says that another invocation is telling now, or has told from a
// newer scan than this one.
var ErrNotOurTurn = errors.New("another invocation tells what it found, so this one does not")

// Lease is how long one turn lasts at most. An invocation that dies in its turn
// delays the next one by no more.
const Lease = time.Minute

// Turn is the right to tell and to record, for one invocation at a time.
type Turn struct {
	Memory Memory
	Until  time.Time // stop telling then: another may take over
	table  *Table
	owner  string
	start  time.Time
}

// clockSlack bounds how far ahead a recorded scan may lie and still count as newer:
// one wrong clock must not silence the monitor for ever.
const clockSlack = time.Hour

// Begin takes the turn for the scan that started then, and reads the memory.
// It fails with ErrNotOurTurn when another holds the turn, or when a newer scan was
// recorded: what this one saw is then out of date. owner must be unique to the invocation.
// held says which locks the scan saw: of those it is known what to say, so that their
// findings are not kept. It gives a lock's key back as the scan has it, to be kept once.
func (t *Table) Begin(ctx context.Context, owner string, scanStarted, now time.Time, held func(Key) (Key, bool)) (*Turn, error) {
	until := now.Add(Lease)
	out, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: rowKey(kindRun, monitor),
		UpdateExpression: aws.String("SET #owner = :owner, #until = :until"),
		ConditionExpression: aws.String("(attribute_not_exists(#until) OR #until < :now OR #owner = :owner) AND " +
			"(attribute_not_exists(#scan) OR #scan <= :scan OR #scan > :future)"),
		ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#scan": "scan"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":owner": text(owner), ":until": number(until.UnixMilli()), ":now": number(now.UnixMilli()),
			":scan": number(scanStarted.UnixMilli()), ":future": number(now.Add(clockSlack).UnixMilli()),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if conditionFailed(err) {
		return nil, ErrNotOurTurn
	}
	if err != nil {
		return nil, fmt.Errorf("take the turn in the ledger %s: %w", t.name, err)
	}
	memory, err := t.recall(ctx, out.Attributes, held)
	if err != nil {
		return nil, err
	}
	return &Turn{Memory: memory, Until: until, table: t, owner: owner, start: scanStarted}, nil
}

// Record writes the steps down: call it when what they say was published. Recording
// a step again changes nothing.
func (t *Turn) Record(ctx context.Context, steps iter.Seq[Step]) error {
	return t.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for s := range steps {
			if !yield(s.request()) {
				return
			}
		}
	})
}

// request writes a step down.
func (s Step) request() (types.WriteRequest, error) {
	if s.Change == Resolved || s.Change == Forget {
		return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: lockRowKey(s.Key)}}, nil
	}
	row, err := lockRow(s.Key, s.Entry)
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, err
}

// End records the stores and the scan, and gives the turn back. It fails with
// ErrNotOurTurn when the lease had run out and another took over. Both it and Begin
// may be repeated by the same owner, as the SDK does when an answer is lost.
func (t *Turn) End(ctx context.Context, stores map[string]Store) error {
	body, err := json.Marshal(stores)
	if err != nil {
		return fmt.Errorf("record the stores: %w", err)
	}
	_, err = t.table.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.table.name, Key: rowKey(kindRun, monitor),
		UpdateExpression:         aws.String("SET #body = :body, #scan = :scan, #until = :over"),
		ConditionExpression:      aws.String("#owner = :owner"),
		ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#scan": "scan", "#body": attrBody},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":body": text(string(body)), ":owner": text(t.owner), ":scan": number(t.start.UnixMilli()), ":over": number(0),
		},
	})
	if conditionFailed(err) {
		return ErrNotOurTurn
	}
	if err != nil {
		return fmt.Errorf("give the turn back in the ledger %s: %w", t.table.name, err)
	}
	return nil
}
