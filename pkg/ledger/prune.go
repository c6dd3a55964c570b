package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

const (
	kindPruned = "pruned"
	attrOwner  = "owner"
	attrOf     = "of"     // which version of the state: two runs must not take it for two prunes
	attrUntil  = "until"  // when the run is dead, in Unix seconds
	attrUntold = "untold" // there while Told is false, so that DynamoDB can filter by it
	prune      = "prune"  // prune's row of kindRun: where it stopped
	// keepPruned is how long a pruned state stays on record: the template's bucket
	// keeps the versions of a deleted state for as long.
	keepPruned = 90 * 24 * time.Hour
)

// Pruned is the record of a state whose lock prune takes to delete it or to bring it
// back. It is made before the lock, so that whatever a crash leaves is found by the next
// run: the lock, and a delete that nobody was told of. People see in it what can be
// restored.
type Pruned struct {
	At        time.Time    `json:"at"`
	Owner     string       `json:"owner"`               // unique to the run that made it
	Request   string       `json:"request"`             // Lambda's ID of the invocation, the same when it is repeated
	Until     time.Time    `json:"until"`               // that invocation is dead by then
	Told      bool         `json:"told"`                // the report with it is out
	Restoring bool         `json:"restoring,omitempty"` // made for a restore: there is nothing to tell
	Left      string       `json:"left,omitempty"`      // the bytes of a lock that the run could not release
	Lost      bool         `json:"lost,omitempty"`      // S3 kept no version of its bytes, so that it cannot be restored
	State     policy.Stale `json:"state"`
}

// ErrRecorded says that another run is at work on a state, or has just pruned it.
var ErrRecorded = errors.New("another run of ours is at work on it")

// RecordPruned writes a record. It fails with ErrRecorded when the same version of the
// state is on record by another run that may be alive.
func (t *Table) RecordPruned(ctx context.Context, p Pruned) error {
	row, err := prunedRow(p)
	if err != nil {
		return err
	}
	input := &dynamodb.PutItemInput{TableName: &t.name, Item: row}
	if !p.Restoring {
		input.ConditionExpression = aws.String("attribute_not_exists(#of) OR #of <> :of OR #until <= :now OR #owner = :owner")
		input.ExpressionAttributeNames = map[string]string{"#of": attrOf, "#until": attrUntil, "#owner": attrOwner}
		input.ExpressionAttributeValues = map[string]types.AttributeValue{
			":of": row[attrOf], ":now": number(p.At.Unix()), ":owner": text(p.Owner),
		}
	}
	_, err = t.client.PutItem(ctx, input)
	if conditionFailed(err) {
		return ErrRecorded
	}
	if err != nil {
		return fmt.Errorf("record the prune in the ledger %s: %w", t.name, err)
	}
	return nil
}

// WithdrawPruned removes a record, if it is still that one.
func (t *Table) WithdrawPruned(ctx context.Context, p Pruned) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: prunedKey(p.State.Path, p.Restoring),
		ConditionExpression:       aws.String("#owner = :owner"),
		ExpressionAttributeNames:  map[string]string{"#owner": attrOwner},
		ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(p.Owner)},
	})
	if err != nil && !conditionFailed(err) {
		return fmt.Errorf("withdraw a record from the ledger %s: %w", t.name, err)
	}
	return nil
}

// ForgetPruned removes the records of a pruned state that is there again.
func (t *Table) ForgetPruned(ctx context.Context, path string) error {
	return t.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for _, restoring := range []bool{false, true} {
			if !yield(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: prunedKey(path, restoring)}}, nil) {
				return
			}
		}
	})
}

// ForgetSettled removes the records of a pruned state that is there again, unless a prune
// is still to be told, or a restore may be alive: either may be under way.
func (t *Table) ForgetSettled(ctx context.Context, path string, now time.Time) error {
	told := &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: prunedKey(path, false), ConditionExpression: aws.String("attribute_not_exists(" + attrUntold + ")"),
	}
	dead := &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: prunedKey(path, true), ConditionExpression: aws.String("#until <= :now"),
		ExpressionAttributeNames:  map[string]string{"#until": attrUntil},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": number(now.Unix())},
	}
	for _, input := range []*dynamodb.DeleteItemInput{told, dead} {
		if _, err := t.client.DeleteItem(ctx, input); err != nil && !conditionFailed(err) {
			return fmt.Errorf("forget the prune in the ledger %s: %w", t.name, err)
		}
	}
	return nil
}

// ToldPruned notes that the report with these is out.
func (t *Table) ToldPruned(ctx context.Context, told []Pruned) error {
	return t.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for _, p := range told {
			p.Told = true
			row, err := prunedRow(p)
			if !yield(types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, err) {
				return
			}
		}
	})
}

// PrunedLately gives the records of the last 90 days that can be restored, the newest
// first.
func (t *Table) PrunedLately(ctx context.Context) ([]Pruned, error) {
	all, err := t.pruned(ctx, nil)
	return slices.DeleteFunc(all, func(p Pruned) bool { return p.Restoring || p.Lost }), err
}

// UntoldPruned gives the records of prunes that died before their report was out, and of
// restores that died.
func (t *Table) UntoldPruned(ctx context.Context) ([]Pruned, error) {
	return t.pruned(ctx, aws.String("attribute_exists("+attrUntold+")"))
}

func (t *Table) pruned(ctx context.Context, filter *string) ([]Pruned, error) {
	var found []Pruned
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), FilterExpression: filter,
		KeyConditionExpression:    aws.String("#kind = :pruned"),
		ExpressionAttributeNames:  map[string]string{"#kind": attrKind},
		ExpressionAttributeValues: map[string]types.AttributeValue{":pruned": text(kindPruned)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the prunes in the ledger %s: %w", t.name, err)
		}
		for _, row := range page.Items {
			var p Pruned
			if err := json.Unmarshal([]byte(textOf(row, attrBody)), &p); err != nil {
				slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", "path", textOf(row, attrPath), "error", err)
				continue
			}
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b Pruned) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.State.Path, b.State.Path))
	})
	return found, nil
}

// Mark is where a prune that ran out of time stopped. The zero value is the beginning.
type Mark struct {
	Bucket string `json:"bucket"` // ARN
	Prefix string `json:"prefix"`
	Key    string `json:"key"` // the last one that was examined
}

// Mark gives where the last prune stopped.
func (t *Table) Mark(ctx context.Context) (Mark, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: rowKey(kindRun, prune), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return Mark{}, fmt.Errorf("read where the last prune stopped, in the ledger %s: %w", t.name, err)
	}
	var m Mark
	if body := textOf(out.Item, attrBody); body != "" {
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			slog.WarnContext(ctx, "ledger row cannot be read, so the prune begins anew", attrKind, kindRun, "error", err)
			return Mark{}, nil
		}
	}
	return m, nil
}

// SetMark notes where this prune stopped.
func (t *Table) SetMark(ctx context.Context, m Mark) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("record where the prune stopped: %w", err)
	}
	row := rowKey(kindRun, prune)
	row[attrBody] = text(string(body))
	if _, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: row}); err != nil {
		return fmt.Errorf("record where the prune stopped, in the ledger %s: %w", t.name, err)
	}
	return nil
}

// prunedKey hashes the path, which may be longer than a sort key. A restore has a row of
// its own: the one of the prune stays until it has succeeded.
func prunedKey(path string, restoring bool) map[string]types.AttributeValue {
	if restoring {
		path += "\x00restore"
	}
	sum := sha256.Sum256([]byte(path))
	return rowKey(kindPruned, hex.EncodeToString(sum[:]))
}

func prunedRow(p Pruned) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("prune of %s cannot be recorded: %w", p.State.Path, err)
	}
	row := prunedKey(p.State.Path, p.Restoring)
	row[attrOwner], row[attrUntil] = text(p.Owner), number(p.Until.Unix())
	row[attrOf] = text(p.State.VersionID + " of " + p.State.LastModified.UTC().Format(time.RFC3339))
	if !p.Told {
		row[attrUntold] = text("yes")
	}
	row[attrPath], row[attrBody], row[attrExpires] = text(p.State.Path), text(string(body)), number(p.At.Add(keepPruned).Unix())
	return row, nil
}
