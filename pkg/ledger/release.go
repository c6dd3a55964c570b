package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindRelease = "release"
	// keepReleases is how long a release or refusal stays on record.
	keepReleases = 365 * 24 * time.Hour
)

// Release is the record of a release or refusal. It carries the lock's exact bytes,
// so that one that should have stayed can be put back.
type Release struct {
	At          time.Time      `json:"at"`
	Outcome     string         `json:"outcome"` // Releasing until it is known
	Went        []tflock.Kind  `json:"went"`    // the halves that were removed
	Told        bool           `json:"told"`    // the event is out
	Reason      string         `json:"reason"`
	RequestedBy string         `json:"requested_by"`
	Forced      bool           `json:"forced"`
	Request     string         `json:"request"` // Lambda's request ID
	Held        []Bytes        `json:"held"`
	Finding     policy.Finding `json:"finding"` // what the event says of the lock
}

// Releasing is the outcome on record before the first delete. A record that keeps it
// belongs to an invocation that died.
const Releasing = "releasing"

// Bytes are what a lock's holdings said, with the stores (ARNs) that said so: both
// halves of a lock are alike, and a row of the ledger has 400 KB for all.
type Bytes struct {
	Stores []string `json:"stores"`
	Raw    string   `json:"raw"`
}

// Write records a release of a lock, or brings the record up to date: the time and
// the lock name it.
func (t *Table) Write(ctx context.Context, key Key, r Release) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	row := rowKey(kindRelease, releaseID(key)+r.At.UTC().Format(time.RFC3339Nano))
	row[attrPath], row[attrLockID], row[attrBody] = text(key.Path), text(key.ID), text(string(body))
	row[attrExpires] = number(r.At.Add(keepReleases).Unix())
	if _, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: row}); err != nil {
		return fmt.Errorf("record the release in the ledger %s: %w", t.name, err)
	}
	return nil
}

// Released gives the last record of a release of that lock, and false when we did not
// release it.
func (l *Lease) Released(ctx context.Context, key Key) (Release, bool, error) {
	out, err := l.table.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &l.table.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:   aws.String("#kind = :release AND begins_with(#id, :lock)"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":release": text(kindRelease), ":lock": text(releaseID(key)),
		},
	})
	if err != nil {
		return Release{}, false, fmt.Errorf("read releases in the ledger %s: %w", l.table.name, err)
	}
	for _, row := range out.Items {
		var r Release
		if json.Unmarshal([]byte(textOf(row, attrBody)), &r) == nil && (len(r.Went) > 0 || r.Outcome == Releasing) {
			return r, true, nil
		}
	}
	return Release{}, false, nil
}

// Untold gives the releases of that lock ID whose event never got out: those of an
// invocation that died between the delete and the event.
func (t *Table) Untold(ctx context.Context, id string) (map[Key][]Release, error) {
	found := map[Key][]Release{}
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:   aws.String("#kind = :release"),
		FilterExpression:         aws.String("#lock = :id"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#lock": attrLockID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":release": text(kindRelease), ":id": text(id),
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read releases in the ledger %s: %w", t.name, err)
		}
		for _, row := range page.Items {
			var r Release
			if json.Unmarshal([]byte(textOf(row, attrBody)), &r) == nil && !r.Told && (len(r.Went) > 0 || r.Outcome == Releasing) {
				key := Key{textOf(row, attrPath), id}
				found[key] = append(found[key], r)
			}
		}
	}
	return found, nil
}

func releaseID(key Key) string {
	return textOf(lockRowKey(key), attrID) + "#"
}
