package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Holder names the session, or else the principal, whose lock object was there when a state
// was written, by S3's time in whole seconds. It is empty where no event says so: the lock was
// in a table alone, or nobody held one, or it came in the second of the write, or more than
// 35 days have passed.
func (w *Witnesses) Holder(ctx context.Context, path tflock.Path, written time.Time) (string, error) {
	prefix := eventPrefix(path)
	pages := dynamodb.NewQueryPaginator(w.client, &dynamodb.QueryInput{
		TableName: &w.name, ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:   aws.String("#kind = :event AND begins_with(#id, :prefix)"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":event": text(kindObjectEvent), ":prefix": text(prefix),
		},
	})
	second := written.Truncate(time.Second)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("read the events of a lock in the ledger %s: %w", w.name, err)
		}
		for _, row := range page.Items {
			var e ObjectEvent
			if json.Unmarshal([]byte(textOf(row, attrBody)), &e) != nil {
				return "", nil // what happened is not known
			}
			removed := strings.HasSuffix(textOf(row, attrID), removedMark)
			switch {
			case !e.At.Before(second.Add(time.Second)): // later than the write
			case removed && !e.At.Before(second): // in the same second: behind the write
			case removed, !e.At.Before(second): // in the same second the next holder may have come
				return "", nil
			default:
				return cmp.Or(e.Session, e.Principal), nil
			}
		}
	}
	return "", nil
}
