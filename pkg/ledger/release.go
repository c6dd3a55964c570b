package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
	// keepReleases is how long a release or refusal stays on record.
	keepReleases = 365 * 24 * time.Hour
)

// Release is the record of a release or refusal. It carries the lock's exact bytes,
// so that one that should have stayed can be put back.
type Release struct {
	At          time.Time      `json:"at"`
	Outcome     string         `json:"outcome"`  // Releasing until it is known
	Halves      []Half         `json:"halves"`   // what was to be removed, and how it ended
	Finished    bool           `json:"finished"` // the outcome is known and the event is out
	Reason      string         `json:"reason"`
	RequestedBy string         `json:"requested_by"`
	Forced      bool           `json:"forced"`
	Why         string         `json:"why,omitempty"` // why it was refused
	Request     string         `json:"request"`       // Lambda's request ID
	Held        []Bytes        `json:"held"`
	Finding     policy.Finding `json:"finding"` // what the event says of the lock
}

// Releasing is the outcome on record before the first delete. A record that keeps it
// belongs to an invocation that died.
const Releasing = "releasing"

// Fate is how one half of a lock ended.
type Fate string

// The fates.
const (
	HalfRemoved Fate = "removed" // gone, by this release
	HalfGone    Fate = "gone"    // gone; whether by this release or by its holder is not known
	HalfKept    Fate = "kept"    // still there, as it was
	HalfChanged Fate = "changed" // another lock is there
	HalfUnknown Fate = "unknown" // the delete may have had its effect, or was never sent
)

// Half is one holding of a lock on record.
type Half struct {
	Store string      `json:"store"` // ARN
	Kind  tflock.Kind `json:"kind"`
	Fate  Fate        `json:"fate"`
}

// Kinds gives the kinds of the halves that ended in one of these ways.
func (r Release) Kinds(fates ...Fate) []tflock.Kind {
	list := []tflock.Kind{}
	for _, h := range r.Halves {
		if slices.Contains(fates, h.Fate) {
			list = append(list, h.Kind)
		}
	}
	return list
}

// Any says whether a half ended in one of these ways.
func (r Release) Any(fates ...Fate) bool { return len(r.Kinds(fates...)) > 0 }

// Unfinished is a record that remains to be finished, and the lock that it is about.
type Unfinished struct {
	Key     Key
	Release Release
}

// Look says whether a store still holds the lock of a record. A store that nobody
// watches any more holds nothing.
type Look func(ctx context.Context, store string, one Unfinished) (still bool, err error)

// Write records a release of a lock, or brings the record up to date: the time and
// the lock name it. Until it is finished, Unfinished finds it.
func (t *Table) Write(ctx context.Context, key Key, r Release) error {
	body, err := json.Marshal(r.bounded())
	if err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	id := releaseID(key) + r.At.UTC().Format(time.RFC3339Nano)
	record := rowKey(kindRelease, id)
	record[attrPath], record[attrLockID], record[attrBody] = text(key.Path), text(key.ID), text(string(body))
	record[attrExpires] = number(r.At.Add(keepReleases).Unix())
	mark := types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: rowKey(kindUnfinished, id)}}
	if !r.Finished {
		row := rowKey(kindUnfinished, id)
		row[attrPath], row[attrLockID], row[attrExpires] = text(key.Path), text(key.ID), record[attrExpires]
		mark = types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}
	}
	if err := t.writeBatch(ctx, []types.WriteRequest{{PutRequest: &types.PutRequest{Item: record}}, mark}); err != nil {
		return fmt.Errorf("record the release: %w", err)
	}
	return nil
}

// Unfinished gives the records that remain to be finished: of one lock ID, or of all
// with an empty one.
func (t *Table) Unfinished(ctx context.Context, id string) ([]Unfinished, error) {
	query := &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#kind = :unfinished"),
		ExpressionAttributeNames:  map[string]string{"#kind": attrKind},
		ExpressionAttributeValues: map[string]types.AttributeValue{":unfinished": text(kindUnfinished)},
	}
	if id != "" {
		query.FilterExpression = aws.String("#lock = :id")
		query.ExpressionAttributeNames["#lock"] = attrLockID
		query.ExpressionAttributeValues[":id"] = text(id)
	}
	var list []Unfinished
	pages := dynamodb.NewQueryPaginator(t.client, query)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read releases in the ledger %s: %w", t.name, err)
		}
		for _, mark := range page.Items {
			row, err := t.get(ctx, rowKey(kindRelease, textOf(mark, attrID)))
			if err != nil {
				return nil, err
			}
			var r Release
			if json.Unmarshal([]byte(textOf(row, attrBody)), &r) == nil && !r.Finished {
				list = append(list, Unfinished{Key{textOf(row, attrPath), textOf(row, attrLockID)}, r})
			}
		}
	}
	return list, nil
}

// LastRelease gives the last record of a release of that lock in which a half of it
// went, or may have gone, and false when there is none.
func (t *Table) LastRelease(ctx context.Context, key Key) (Release, bool, error) {
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:   aws.String("#kind = :release AND begins_with(#id, :lock)"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":release": text(kindRelease), ":lock": text(releaseID(key)),
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Release{}, false, fmt.Errorf("read releases in the ledger %s: %w", t.name, err)
		}
		for _, row := range page.Items {
			var r Release
			if json.Unmarshal([]byte(textOf(row, attrBody)), &r) == nil && r.Any(HalfRemoved, HalfGone, HalfUnknown) {
				return r, true, nil
			}
		}
	}
	return Release{}, false, nil
}

// Released gives the last record of a release of that lock, and false where we did not
// release it, or where nobody knows whether we did.
func (l *Lease) Released(ctx context.Context, key Key) (Release, bool, error) {
	r, found, err := l.table.LastRelease(ctx, key)
	return r, found && r.Any(HalfRemoved), err
}

func releaseID(key Key) string {
	return textOf(lockRowKey(key), attrID) + "#"
}

// maxAsked bounds what a caller wrote, in bytes.
const maxAsked = 4 << 10

// bounded cuts the record to what a row of 400 KB holds: a lock alone may have that.
func (r Release) bounded() Release {
	r.Reason, r.RequestedBy, r.Why = cut(r.Reason, maxAsked), cut(r.RequestedBy, maxAsked), cut(r.Why, maxAsked)
	r.Held = slices.Clone(r.Held)
	room := maxHeld
	for i := range r.Held {
		r.Held[i] = r.Held[i].within(room)
		room -= r.Held[i].size()
	}
	return r
}
