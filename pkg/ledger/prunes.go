package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindPruned     = "pruned"
	attrOwner      = "owner"
	attrOf         = "of"         // which version of the state: two runs must not count it as two prunes
	attrUntil      = "until"      // when the run is dead, in Unix seconds
	attrUnreported = "unreported" // there while Reported is false, so that DynamoDB can filter by it
	// keepPruned is how long a pruned state stays on record: the template's bucket
	// keeps the versions of a deleted state for as long.
	keepPruned = 90 * 24 * time.Hour
)

// Prunes are the records of pruned states, and where the last prune stopped.
type Prunes struct{ table table }

// NewPrunes opens the records in the ledger's table of that name.
func NewPrunes(client *dynamodb.Client, name string) *Prunes { return &Prunes{table{client, name}} }

// ErrRecorded says that another run is working on a state, or has just pruned it.
var ErrRecorded = errors.New("another invocation of ours is working on it")

// Record writes a record. It fails with ErrRecorded when the same version of the
// state is on record by another run that may be alive, or whose end nobody has found out:
// whoever finds the state gone withdraws what is recorded last.
func (p *Prunes) Record(ctx context.Context, record Pruned) error {
	row, err := prunedRow(record)
	if err != nil {
		return err
	}
	input := &dynamodb.PutItemInput{TableName: &p.table.name, Item: row}
	if !record.Restoring {
		input.ConditionExpression = aws.String("attribute_not_exists(#of) OR #of <> :of OR #owner = :owner OR (#until <= :now AND attribute_not_exists(#unreported))")
		input.ExpressionAttributeNames = map[string]string{"#of": attrOf, "#until": attrUntil, "#owner": attrOwner, "#unreported": attrUnreported}
		input.ExpressionAttributeValues = map[string]types.AttributeValue{
			":of": row[attrOf], ":now": number(record.At.Unix()), ":owner": text(record.Owner),
		}
	}
	_, err = p.table.client.PutItem(ctx, input)
	if conditionFailed(err) {
		return ErrRecorded
	}
	if err != nil {
		return fmt.Errorf("record the prune in the ledger %s: %w", p.table.name, err)
	}
	return nil
}

// Withdraw removes a record, if it is still that one.
func (p *Prunes) Withdraw(ctx context.Context, record Pruned) error {
	_, err := p.table.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &p.table.name, Key: prunedKey(record.State.Path, record.Restoring),
		ConditionExpression:       aws.String("#owner = :owner"),
		ExpressionAttributeNames:  map[string]string{"#owner": attrOwner},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(record.Owner)},
	})
	if err != nil && !conditionFailed(err) {
		return fmt.Errorf("withdraw a record from the ledger %s: %w", p.table.name, err)
	}
	return nil
}

// Forget removes the record of a prune of a state that is there again. A restore withdraws its own: another one of that state may be under way.
func (p *Prunes) Forget(ctx context.Context, path tflock.Path) error {
	if _, err := p.table.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &p.table.name, Key: prunedKey(path, false)}); err != nil {
		return fmt.Errorf("forget the prune in the ledger %s: %w", p.table.name, err)
	}
	return nil
}

// ForgetSettled removes the records of a pruned state that is there again, unless a prune
// is still to be reported, or a restore may be alive: either may be under way.
func (p *Prunes) ForgetSettled(ctx context.Context, path tflock.Path, now time.Time) error {
	reported := &dynamodb.DeleteItemInput{
		TableName: &p.table.name, Key: prunedKey(path, false), ConditionExpression: aws.String("attribute_not_exists(" + attrUnreported + ")"),
	}
	dead := &dynamodb.DeleteItemInput{
		TableName: &p.table.name, Key: prunedKey(path, true), ConditionExpression: aws.String("#until <= :now"),
		ExpressionAttributeNames:  map[string]string{"#until": attrUntil},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": number(now.Unix())},
	}
	for _, input := range []*dynamodb.DeleteItemInput{reported, dead} {
		if _, err := p.table.client.DeleteItem(ctx, input); err != nil && !conditionFailed(err) {
			return fmt.Errorf("forget the prune in the ledger %s: %w", p.table.name, err)
		}
	}
	return nil
}

// MarkReported notes that the report with these is out.
func (p *Prunes) MarkReported(ctx context.Context, reported []Pruned) error {
	return p.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for _, record := range reported {
			record.Reported = true
			row, err := prunedRow(record)
			if !yield(types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, err) {
				return
			}
		}
	})
}

// Recent returns at most so many of the records of the last 90 days that can be restored, the newest first, and how many there are. Where
// there are more, those of each folder come in turns.
func (p *Prunes) Recent(ctx context.Context, most int) (some []Pruned, total int, err error) {
	for record, err := range p.records(ctx, nil) {
		if err != nil {
			return nil, 0, err
		}
		if record.Restoring || record.Lost {
			continue
		}
		total++
		if some = append(some, record); len(some) >= 2*most {
			some = newestOfEach(some, most)
		}
	}
	some = newestOfEach(some, most)
	slices.SortFunc(some, newestFirst)
	return some, total, nil
}

func newestOfEach(records []Pruned, most int) []Pruned {
	slices.SortFunc(records, newestFirst)
	records = tflock.InTurns(records, func(p Pruned) tflock.Path { return p.State.Path })
	return records[:min(len(records), most)]
}

func newestFirst(a, b Pruned) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.State.Path, b.State.Path))
}

// Unreported returns the records of prunes that died before their report was out, and of
// restores that died, the newest first.
func (p *Prunes) Unreported(ctx context.Context) (found []Pruned, err error) {
	for record, err := range p.records(ctx, aws.String("attribute_exists("+attrUnreported+")")) {
		if err != nil {
			return nil, err
		}
		found = append(found, record)
	}
	slices.SortFunc(found, newestFirst)
	return found, nil
}

// records reads the records that a filter leaves, page by page.
func (p *Prunes) records(ctx context.Context, filter *string) iter.Seq2[Pruned, error] {
	query := ofKind(kindPruned)
	query.FilterExpression = filter
	return func(yield func(Pruned, error) bool) {
		for row, err := range p.table.query(ctx, query) {
			var record Pruned
			if err == nil {
				if err := json.Unmarshal([]byte(textOf(row, attrBody)), &record); err != nil {
					slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", "path", textOf(row, attrPath), "error", err)
					continue
				}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
