package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindRelease = "release"
	// keepReleases is how long a release or refusal stays on record.
	keepReleases = 365 * 24 * time.Hour
)

// Release is the record of a release or refusal. Its holdings carry the exact bytes,
// so that a lock that should have stayed can be put back.
type Release struct {
	At          time.Time `json:"at"`
	Outcome     string    `json:"outcome"` // "releasing" until the outcome is known
	Reason      string    `json:"reason"`
	RequestedBy string    `json:"requested_by"`
	Forced      bool      `json:"forced"`
	Request     string    `json:"request"` // Lambda's request ID
	Holdings    []Removed `json:"holdings"`
}

// Removed is one holding of a recorded lock.
type Removed struct {
	Kind  tflock.Kind `json:"kind"`
	Store string      `json:"store"`
	Raw   string      `json:"raw"`
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
func (t *Turn) Released(ctx context.Context, key Key) (Release, bool, error) {
	out, err := t.table.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &t.table.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:   aws.String("#kind = :release AND begins_with(#id, :lock)"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":release": text(kindRelease), ":lock": text(releaseID(key)),
		},
	})
	if err != nil {
		return Release{}, false, fmt.Errorf("read releases in the ledger %s: %w", t.table.name, err)
	}
	for _, row := range out.Items {
		var r Release
		if json.Unmarshal([]byte(textOf(row, attrBody)), &r) == nil && r.Outcome != "refused" {
			return r, true, nil
		}
	}
	return Release{}, false, nil
}

func releaseID(key Key) string {
	return textOf(lockRowKey(key), attrID) + "#"
}
