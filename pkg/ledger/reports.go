package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	kindReport    = "report"
	attrPublished = "published" // there once the report is published
	// keepReports is how long a weekly report stays on record.
	keepReports = 182 * 24 * time.Hour
)

// Reports are the weekly reports, each by the event that asked for it: its scheduled time,
// or the ID of a request.
type Reports struct{ table table }

// NewReports opens the reports in the ledger's table of that name.
func NewReports(client *dynamodb.Client, name string) *Reports {
	return &Reports{table{client, name}}
}

// ErrClaimed says that another invocation is publishing a report, or was: its claim has
// not run out.
var ErrClaimed = errors.New("another invocation is publishing this report")

// Claim returns an invocation the right to publish a report until that time. It returns the
// report instead where it was published already, and fails with ErrClaimed while the
// claim of another owner lasts.
func (r *Reports) Claim(ctx context.Context, id, owner string, now, until time.Time) (published json.RawMessage, err error) {
	row := rowKey(kindReport, id)
	row[attrOwner], row[attrUntil], row[attrExpires] = text(owner), number(until.UnixMilli()), number(now.Add(keepReports).Unix())
	_, err = r.table.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &r.table.name, Item: row,
		ConditionExpression:       aws.String("attribute_not_exists(#published) AND (attribute_not_exists(#until) OR #until < :now OR #owner = :owner)"),
		ExpressionAttributeNames:  map[string]string{"#published": attrPublished, "#until": attrUntil, "#owner": attrOwner},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": number(now.UnixMilli()), ":owner": text(owner)},
	})
	switch {
	case err == nil:
		return nil, nil
	case !conditionFailed(err):
		return nil, fmt.Errorf("claim the report in the ledger %s: %w", r.table.name, err)
	}
	if published, err = r.Read(ctx, id); err == nil && published == nil {
		err = ErrClaimed
	}
	return published, err
}

// Read returns a report that is published, and nil where it is not.
func (r *Reports) Read(ctx context.Context, id string) (json.RawMessage, error) {
	row, err := r.table.get(ctx, rowKey(kindReport, id))
	if _, done := row[attrPublished]; err != nil || !done {
		return nil, err
	}
	return json.RawMessage(textOf(row, attrBody)), nil
}

// Published records that a report is published, with its JSON.
func (r *Reports) Published(ctx context.Context, id string, report json.RawMessage, at time.Time) error {
	row := rowKey(kindReport, id)
	row[attrPublished], row[attrBody], row[attrExpires] = number(at.Unix()), text(string(report)), number(at.Add(keepReports).Unix())
	if _, err := r.table.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &r.table.name, Item: row}); err != nil {
		return fmt.Errorf("record the report in the ledger %s: %w", r.table.name, err)
	}
	return nil
}

// Scheduled is the ID of the report of a scheduled time. They sort by time, and after those
// of requests.
func Scheduled(at time.Time) string { return "scheduled " + at.UTC().Format(time.RFC3339) }

// Requested is the ID of the report of a request.
func Requested(requestID string) string { return "requested " + requestID }

// Latest returns the JSON of the latest reports of scheduled times, the newest first, at most
// so many.
func (r *Reports) Latest(ctx context.Context, most int) ([]json.RawMessage, error) {
	query := ofKind(kindReport)
	query.ScanIndexForward = aws.Bool(false)
	query.KeyConditionExpression = aws.String("#kind = :kind AND begins_with(#id, :scheduled)")
	query.ExpressionAttributeNames["#id"] = attrID
	query.ExpressionAttributeValues[":scheduled"] = text("scheduled ")
	var list []json.RawMessage
	for row, err := range r.table.query(ctx, query) {
		if err != nil {
			return list, err
		}
		if _, done := row[attrPublished]; done {
			list = append(list, json.RawMessage(textOf(row, attrBody)))
		}
		if len(list) == most {
			break
		}
	}
	return list, nil
}
