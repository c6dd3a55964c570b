package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/scan"
)

// ErrLeased says that another invocation has the lease now, or has recorded a newer scan
// than this one.
var ErrLeased = errors.New("another invocation notifies people of what it found, so this one does not")

// LeaseTime is how long one lease lasts at most. An invocation that dies with it delays
// the next one by no more.
const LeaseTime = time.Minute

// Lease is the right to notify and to record, for one invocation at a time.
type Lease struct {
	Memory Memory
	Until  time.Time // stop notifying then: another may take over
	table  table
	owner  string
	start  time.Time
	since  time.Time // start of the first scan of all
	past   pastRows
	// surplus are the rows of locks that the memory has no room for.
	surplus []string
}

// clockSlack bounds how far ahead a recorded scan may be and still count as newer:
// one wrong clock must not silence the monitor for ever.
const clockSlack = time.Hour

// Begin takes the lease for a scan that was read, and reads the memory.
// It fails with ErrLeased when another holds the lease, or when a newer scan was
// recorded: what this one saw is then out of date. owner must be unique to the invocation.
// The descriptions of locks that the scan saw are not in the memory: the scan has them.
func (n *Notifications) Begin(ctx context.Context, owner string, found *scan.Scan, now time.Time) (*Lease, error) {
	until := now.Add(LeaseTime)
	out, err := n.table.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &n.table.name, Key: rowKey(kindScan, monitor),
		UpdateExpression: aws.String("SET #owner = :owner, #until = :until"),
		ConditionExpression: aws.String("(attribute_not_exists(#until) OR #until < :now OR #owner = :owner) AND " +
			"(attribute_not_exists(#scan) OR #scan <= :scan OR #scan > :future)"),
		ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#scan": attrScan},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":owner": text(owner), ":until": number(until.UnixMilli()), ":now": number(now.UnixMilli()),
			":scan": number(found.Started.UnixMilli()), ":future": number(now.Add(clockSlack).UnixMilli()),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if conditionFailed(err) {
		return nil, ErrLeased
	}
	if err != nil {
		return nil, fmt.Errorf("take the lease in the ledger %s: %w", n.table.name, err)
	}
	memory, surplus, err := n.recall(ctx, out.Attributes, &recalled{most: maxUnseen}, func(key Key) (Key, bool) {
		l, seen := key.In(found)
		if seen {
			key = KeyOf(l) // its texts are kept once
		}
		return key, seen
	})
	if err != nil {
		return nil, errors.Join(err, (&Lease{table: n.table, surplus: surplus}).relieve(ctx))
	}
	return &Lease{Memory: memory, Until: until, table: n.table, owner: owner, start: found.Started, since: watchedSince(out.Attributes, found.Started), past: newPastRows(ctx, out.Attributes, now), surplus: surplus}, nil
}

// Record writes the steps down: call it once their events are published. Recording
// a step again changes nothing.
func (l *Lease) Record(ctx context.Context, steps iter.Seq[Step]) error {
	return l.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for s := range steps {
			// Before the lock is forgotten: what is recorded twice has the same row.
			if request, ok, err := l.past.request(s.Past); ok && !yield(request, err) {
				return
			}
			if !yield(s.request()) {
				return
			}
		}
	})
}

// lost reports whether a store that was read is not watched any more.
func (m Memory) lost(next map[string]Store) bool {
	for arn, before := range m.Stores {
		if _, watched := next[arn]; !watched && !before.LastRead.IsZero() {
			return true
		}
	}
	return false
}

// request writes a step down.
func (s Step) request() (types.WriteRequest, error) {
	if s.Change == Resolved || s.Change == Forget {
		return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: lockRowKey(s.Key)}}, nil
	}
	row, err := lockRow(s.Key, s.Entry)
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, err
}

// End records the stores and the scan, and returns the lease. It fails with
// ErrLeased when it had run out and another invocation took it. Both it and Begin
// may be repeated by the same owner, as the SDK does when an answer is lost.
func (l *Lease) End(ctx context.Context, stores map[string]Store) error {
	body, err := packStores(stores)
	if err != nil {
		return err
	}
	if err := l.past.rest(ctx, l.table, l.start); err != nil {
		return err
	}
	past, err := l.past.record()
	if err != nil {
		return err
	}
	end := &dynamodb.UpdateItemInput{
		TableName: &l.table.name, Key: rowKey(kindScan, monitor),
		UpdateExpression:         aws.String("SET #body = :body, #scan = :scan, #since = :since, #past = :past, #until = :over"),
		ConditionExpression:      aws.String("#owner = :owner"),
		ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#scan": attrScan, "#since": attrSince, "#body": attrBody, "#past": attrPast},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":body": body, ":owner": text(l.owner), ":scan": number(l.start.UnixMilli()), ":since": number(l.since.UnixMilli()), ":past": past, ":over": number(0),
		},
	}
	if l.Memory.lost(stores) {
		end.UpdateExpression = aws.String(*end.UpdateExpression + ", #left = :scan")
		end.ExpressionAttributeNames["#left"] = attrLeft
	}
	_, err = l.table.client.UpdateItem(ctx, end)
	if conditionFailed(err) {
		return ErrLeased
	}
	if err != nil {
		return fmt.Errorf("return the lease in the ledger %s: %w", l.table.name, err)
	}
	return nil
}
