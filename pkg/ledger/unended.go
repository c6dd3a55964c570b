package ledger

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// RecordStores records what people know of the stores, where not everything that the scan saw could be recorded. It does not count
// as a scan that read them, since the ages of locks that are not on record rest on that. What was added to the history counts, or each
// of such scans could add as much as a day may.
func (l *Lease) RecordStores(ctx context.Context, stores map[string]Store) error {
	kept := maps.Clone(l.Memory.Stores)
	if kept == nil {
		kept = map[string]Store{}
	}
	for arn, after := range stores {
		before := l.Memory.Stores[arn]
		after.Since, after.LastRead, after.Gaps = before.Since, before.LastRead, before.Gaps
		after.Crowded = unreadSince(before, after)
		kept[arn] = after
	}
	body, err := packStores(kept)
	if err != nil {
		return err
	}
	past, err := l.past.record()
	if err != nil {
		return err
	}
	_, err = l.table.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table.name, Key: rowKey(kindScan, monitor),
		UpdateExpression: aws.String("SET #body = :body, #past = :past"), ConditionExpression: aws.String("#owner = :owner"),
		ExpressionAttributeNames:  map[string]string{"#owner": "owner", "#body": attrBody, "#past": attrPast},
		ExpressionAttributeValues: map[string]types.AttributeValue{":body": body, ":past": past, ":owner": text(l.owner)},
	})
	if conditionFailed(err) {
		return ErrLeased
	}
	if err != nil {
		return fmt.Errorf("record what people know of the stores in the ledger %s: %w", l.table.name, err)
	}
	return nil
}

// unreadSince returns the folders of which not everything was read, now or before, since no scan that is on record has read those
// of before in the meantime. They stay few, whatever a team calls its folders in each scan: see [tflock.Crowds].
func unreadSince(before, after Store) map[string]time.Time {
	if !after.Crowd {
		return before.Crowded
	}
	var folders tflock.Crowds
	for _, times := range []map[string]time.Time{before.Crowded, after.Crowded} {
		for folder := range times {
			folders.Add(tflock.Path(folder))
		}
	}
	all := map[string]time.Time{}
	for _, folder := range folders.All() {
		all[string(folder)] = Store{LastRead: before.LastRead, Crowded: before.Crowded}.lastRead(folder)
	}
	return all
}
