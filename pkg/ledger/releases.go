package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindRelease = "release"
	// kindUnfinished marks the releases and refusals that remain to be finished: one
	// small row each, beside the record, so that finding them reads nothing else.
	kindUnfinished = "unfinished"
	// kindReleased are the releases in which a half went, or may have gone, in the order of time and
	// without the bytes of their locks: a report reads a few weeks of them, and locks may have 300 KB.
	kindReleased = "released"
	// keepReleases is how long a release or refusal stays on record.
	keepReleases = 365 * 24 * time.Hour
	// keepReleased is how long it stays among the latest ones: a report may come as late as the history
	// of its weeks allows, and a lock that ended in them may have been released KeepPast before.
	keepReleased = 2 * KeepPast
	// inOrder writes times so that their order is that of their texts.
	inOrder = "2006-01-02T15:04:05.000000000Z"
)

// Releases are the records of releases and refusals.
type Releases struct{ table table }

// NewReleases opens the records in the ledger's table of that name.
func NewReleases(client *dynamodb.Client, name string) *Releases {
	return &Releases{table{client, name}}
}

// Write records a release of a lock, or brings the record up to date: the time and
// the lock name it. Until it is finished, Unfinished finds it.
func (r *Releases) Write(ctx context.Context, key Key, record Release) error {
	body, err := json.Marshal(record.bounded())
	if err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	id := releaseID(key) + record.At.UTC().Format(time.RFC3339Nano)
	row := rowKey(kindRelease, id)
	row[attrPath], row[attrLockID], row[attrBody] = text(string(key.Path)), text(key.ID), text(string(body))
	row[attrExpires] = number(record.At.Add(keepReleases).Unix())
	latest, err := released(key, record)
	if err != nil {
		return err
	}
	mark := types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: rowKey(kindUnfinished, id)}}
	if !record.Finished {
		unfinished := rowKey(kindUnfinished, id)
		unfinished[attrPath], unfinished[attrLockID], unfinished[attrExpires] = row[attrPath], row[attrLockID], row[attrExpires]
		mark = types.WriteRequest{PutRequest: &types.PutRequest{Item: unfinished}}
	}
	if err := r.table.writeBatch(ctx, []types.WriteRequest{{PutRequest: &types.PutRequest{Item: row}}, mark, latest}); err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	return nil
}

// released writes a record among the latest releases, or removes it there.
func released(key Key, record Release) (types.WriteRequest, error) {
	row := rowKey(kindReleased, record.At.UTC().Format(inOrder)+"#"+textOf(lockRowKey(key), attrID))
	if !record.Any(HalfRemoved, HalfGone, HalfUnknown) {
		return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: row}}, nil
	}
	record.Held, record.Description = nil, policy.Description{}
	body, err := json.Marshal(record.bounded())
	if err != nil {
		return types.WriteRequest{}, fmt.Errorf("record the release: %w", err)
	}
	row[attrPath], row[attrLockID], row[attrBody] = text(string(key.Path)), text(key.ID), text(string(body))
	row[attrExpires] = number(record.At.Add(keepReleased).Unix())
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, nil
}

// Unfinished returns the records that remain to be finished: of one lock ID, or of all
// with an empty one. They come in turns (tflock.InTurns), and each is read when it is asked for: it
// may have 300 KB. It ends with the first error.
func (r *Releases) Unfinished(ctx context.Context, id string) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		marks, err := r.unfinished(ctx, id)
		if err != nil {
			yield(Recorded{}, err)
			return
		}
		for _, mark := range tflock.InTurns(marks, pathOf) {
			row, err := r.table.get(ctx, rowKey(kindRelease, textOf(mark, attrID)))
			if err != nil {
				yield(Recorded{}, err)
				return
			}
			var record Release
			if json.Unmarshal([]byte(textOf(row, attrBody)), &record) != nil || record.Finished {
				continue
			}
			if !yield(Recorded{Key{pathOf(row), textOf(row, attrLockID)}, record}, nil) {
				return
			}
		}
	}
}

// unfinished returns the marks of the records that remain to be finished.
func (r *Releases) unfinished(ctx context.Context, id string) (marks []map[string]types.AttributeValue, err error) {
	query := ofKind(kindUnfinished)
	if id != "" {
		query.FilterExpression = aws.String("#lock = :id")
		query.ExpressionAttributeNames["#lock"] = attrLockID
		query.ExpressionAttributeValues[":id"] = text(id)
	}
	for mark, err := range r.table.query(ctx, query) {
		if err != nil {
			return nil, err
		}
		marks = append(marks, mark)
	}
	return marks, nil
}

func pathOf(row map[string]types.AttributeValue) tflock.Path {
	return tflock.Path(textOf(row, attrPath))
}

// LastRelease returns the last record of a release of that lock in which a half of it
// went, or may have gone, and false when there is none.
func (r *Releases) LastRelease(ctx context.Context, key Key) (Release, bool, error) {
	query := ofKind(kindRelease)
	query.ScanIndexForward = aws.Bool(false)
	query.KeyConditionExpression = aws.String("#kind = :kind AND begins_with(#id, :lock)")
	query.ExpressionAttributeNames["#id"] = attrID
	query.ExpressionAttributeValues[":lock"] = text(releaseID(key))
	for row, err := range r.table.query(ctx, query) {
		if err != nil {
			return Release{}, false, err
		}
		var record Release
		if json.Unmarshal([]byte(textOf(row, attrBody)), &record) == nil && record.Any(HalfRemoved, HalfGone, HalfUnknown) {
			return record, true, nil
		}
	}
	return Release{}, false, nil
}

// Since returns the releases in which a half went, or may have gone, with the locks that they
// are about: those since that time, which is at most 80 days ago, in the order of time. They have
// neither Held nor Description. It ends with the first error.
func (r *Releases) Since(ctx context.Context, from time.Time) iter.Seq2[Recorded, error] {
	query := ofKind(kindReleased)
	query.KeyConditionExpression = aws.String("#kind = :kind AND #id >= :from")
	query.ExpressionAttributeNames["#id"] = attrID
	query.ExpressionAttributeValues[":from"] = text(from.UTC().Format(inOrder))
	return func(yield func(Recorded, error) bool) {
		for row, err := range r.table.query(ctx, query) {
			if err != nil {
				yield(Recorded{}, err)
				return
			}
			var record Release
			if err := json.Unmarshal([]byte(textOf(row, attrBody)), &record); err != nil {
				slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", attrKind, kindReleased, "error", err)
				continue
			}
			if !yield(Recorded{Key{tflock.Path(textOf(row, attrPath)), textOf(row, attrLockID)}, record}, nil) {
				return
			}
		}
	}
}

// Released returns the last record of a release of that lock, and false where we did not
// release it, or where it is not known whether we did.
func (r *Releases) Released(ctx context.Context, key Key) (Release, bool, error) {
	record, found, err := r.LastRelease(ctx, key)
	return record, found && record.Any(HalfRemoved), err
}

func releaseID(key Key) string {
	return textOf(lockRowKey(key), attrID) + "#"
}
