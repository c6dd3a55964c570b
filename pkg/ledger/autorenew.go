package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// renewAutoBefore is how long before its end a row is renewed: one write in a week, and
// time for a monitor that stands still.
const renewAutoBefore = keepAuto - 7*24*time.Hour

// Renew keeps what people asked for a lock, and what they were notified of, for as long as
// the lock is held. Where nothing is due there is no call.
func (a *AutoReleases) Renew(ctx context.Context, m AutoMemory, held func(Key) bool, now time.Time) error {
	for key, auto := range m.Locks {
		if !held(key) {
			continue
		}
		for prefix, expires := range auto.expiring() {
			if expires.Sub(now) > renewAutoBefore {
				continue
			}
			if err := a.renew(ctx, autoKey(prefix, key), now); err != nil {
				return err
			}
		}
	}
	return nil
}

// expiring are the ends of the rows that no scan writes again, by what their IDs begin with.
func (a AutoRelease) expiring() map[string]time.Time {
	ends := map[string]time.Time{}
	if a.Plan != nil {
		ends[planPrefix] = a.Plan.expires
	}
	if a.Keep != nil {
		ends[keepPrefix] = a.Keep.expires
	}
	return ends
}

func (a *AutoReleases) renew(ctx context.Context, key map[string]types.AttributeValue, now time.Time) error {
	_, err := a.table.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &a.table.name, Key: key,
		UpdateExpression:          aws.String("SET #expires = :expires"),
		ConditionExpression:       aws.String("attribute_exists(#id)"), // a plan may just have been voided
		ExpressionAttributeNames:  map[string]string{"#expires": attrExpires, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{":expires": number(now.Add(keepAuto).Unix())},
	})
	if err != nil && !conditionFailed(err) {
		return fmt.Errorf("renew a row of automatic release in the ledger %s: %w", a.table.name, err)
	}
	return nil
}
