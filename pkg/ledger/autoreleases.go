package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// kindAuto are the rows of automatic release: up to three for a lock, and the brake.
	kindAuto = "auto"
	brakeID  = "brake"

	checkPrefix, planPrefix, keepPrefix = "check#", "plan#", "stop#"

	// keepAuto is how long a row stays without being written again.
	keepAuto = 35 * 24 * time.Hour
)

// ErrOvertaken says that another invocation was faster: it has claimed the release, or what
// was planned is no longer so.
var ErrOvertaken = errors.New("another invocation has claimed it, or the plan has changed")

// AutoReleases is what is remembered for automatic releases.
type AutoReleases struct{ table table }

// NewAutoReleases opens it in the ledger's table of that name.
func NewAutoReleases(client *dynamodb.Client, name string) *AutoReleases {
	return &AutoReleases{table{client, name}}
}

// Recall reads everything, consistently. A row that cannot be read fails it: what is not
// known releases nothing.
func (a *AutoReleases) Recall(ctx context.Context) (AutoMemory, error) {
	m := AutoMemory{Locks: map[Key]AutoRelease{}}
	for row, err := range a.table.query(ctx, ofKind(kindAuto)) {
		if err != nil {
			return AutoMemory{}, err
		}
		id, key := textOf(row, attrID), Key{tflock.Path(textOf(row, attrPath)), textOf(row, attrLockID)}
		if id == brakeID {
			m.brake = textOf(row, attrBody)
			err = json.Unmarshal([]byte(m.brake), &m.Brake)
		} else {
			auto := m.Locks[key]
			err = auto.read(id, row)
			m.Locks[key] = auto
		}
		if err != nil {
			return AutoMemory{}, fmt.Errorf("read the ledger %s: its row auto, %s: %w", a.table.name, id, err)
		}
	}
	return m, nil
}

// RecallLock reads what is remembered of one lock.
func (a *AutoReleases) RecallLock(ctx context.Context, key Key) (AutoRelease, error) {
	var auto AutoRelease
	for _, prefix := range []string{checkPrefix, planPrefix, keepPrefix} {
		row, err := a.table.get(ctx, autoKey(prefix, key))
		if err == nil && row != nil {
			err = auto.read(prefix, row)
		}
		if err != nil {
			return AutoRelease{}, err
		}
	}
	return auto, nil
}

func (a *AutoRelease) read(id string, row map[string]types.AttributeValue) error {
	body := []byte(textOf(row, attrBody))
	switch {
	case strings.HasPrefix(id, checkPrefix):
		a.Check = &Check{}
		err := json.Unmarshal(body, a.Check)
		if a.Check.Run != nil {
			a.Check.Run.Detail = a.Check.Detail
		}
		return err
	case strings.HasPrefix(id, planPrefix):
		a.Plan = &Plan{body: string(body), expires: time.Unix(numberOf(row, attrExpires), 0)}
		return json.Unmarshal(body, a.Plan)
	case strings.HasPrefix(id, keepPrefix):
		a.Keep = &Keep{expires: time.Unix(numberOf(row, attrExpires), 0)}
		return json.Unmarshal(body, a.Keep)
	}
	return nil
}

// Update records the checks, and deletes all rows of the locks to forget, their plans and
// the wishes that they stay included. Plans are written by RecordPlan, wishes by RecordKeep.
func (a *AutoReleases) Update(ctx context.Context, checks map[Key]Check, forget []Key) error {
	return a.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for key, c := range checks {
			if c.Run != nil {
				c.Detail = c.Run.Detail
			}
			if !yield(putAuto(checkPrefix, key, c, c.At)) {
				return
			}
		}
		for _, row := range autoRows(forget) {
			if !yield(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: row}}, nil) {
				return
			}
		}
	})
}

// maxForgotten bounds the rows that ForgetChecks reads.
const maxForgotten = 5000

// ForgetChecks removes checks of before a time, as many as it finds among some of the first: a memory that
// takes too long to read becomes shorter with each call.
func (a *AutoReleases) ForgetChecks(ctx context.Context, before time.Time) error {
	input := ofKind(kindAuto)
	input.KeyConditionExpression = aws.String("#kind = :kind AND begins_with(#id, :check)")
	input.ExpressionAttributeNames["#id"], input.ExpressionAttributeValues[":check"] = attrID, text(checkPrefix)
	read := 0
	return a.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for row, err := range a.table.query(ctx, input) {
			if err != nil {
				yield(types.WriteRequest{}, err)
				return
			}
			old := time.Unix(numberOf(row, attrExpires), 0).Before(before.Add(keepAuto))
			if old && !yield(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: rowKey(kindAuto, textOf(row, attrID))}}, nil) {
				return
			}
			if read++; read == maxForgotten {
				return
			}
		}
	})
}

// autoRows are the keys of every row that these locks can have.
func autoRows(keys []Key) []map[string]types.AttributeValue {
	rows := make([]map[string]types.AttributeValue, 0, 3*len(keys))
	for _, key := range keys {
		rows = append(rows, autoKey(checkPrefix, key), autoKey(planPrefix, key), autoKey(keepPrefix, key))
	}
	return rows
}

// RecordPlan records a plan, once people were notified of it: until the lock is gone, and for
// the weekly report after that. It fails with ErrOvertaken unless the plan that is there is
// still the one that was read (nil: there was none): a slower scan must not take back what
// another one has claimed since.
func (a *AutoReleases) RecordPlan(ctx context.Context, key Key, read *Plan, p Plan) error {
	noted, err := putPlanned(PlannedRelease{Key: key, At: p.Published, Mode: p.Mode, Source: p.Basis.Source, RunID: p.Basis.RunID, Ended: p.Basis.Ended})
	if err != nil {
		return err
	}
	if err := a.table.writeBatch(ctx, []types.WriteRequest{noted}); err != nil {
		return err
	}
	before := ""
	if read != nil {
		before = read.body
	}
	return a.replace(ctx, autoKey(planPrefix, key), before, p, map[string]types.AttributeValue{
		attrPath: text(string(key.Path)), attrLockID: text(key.ID), attrExpires: number(p.Published.Add(keepAuto).Unix()),
	})
}

// RecordKeep records that somebody wants a lock to stay.
func (a *AutoReleases) RecordKeep(ctx context.Context, key Key, s Keep) error {
	return a.put(ctx, keepPrefix, key, s, s.At)
}

// Void ends the plans of these locks. Without any there is no call.
func (a *AutoReleases) Void(ctx context.Context, keys ...Key) error {
	return a.table.write(ctx, func(yield func(types.WriteRequest, error) bool) {
		for _, key := range keys {
			if !yield(types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: autoKey(planPrefix, key)}}, nil) {
				return
			}
		}
	})
}

func (a *AutoReleases) put(ctx context.Context, prefix string, key Key, value any, at time.Time) error {
	request, err := putAuto(prefix, key, value, at)
	if err != nil {
		return err
	}
	return a.table.writeBatch(ctx, []types.WriteRequest{request})
}

// Claim takes the right to invoke the unlock function for one planned release: it fails
// with ErrOvertaken unless the plan is still the one that was read. Two monitors invoke once.
// The SDK repeats a call whose answer was lost, and then it fails although it succeeded:
// the claim ends by itself, and nothing is invoked twice.
func (a *AutoReleases) Claim(ctx context.Context, key Key, read Plan, now time.Time) error {
	claimed := read
	claimed.Claimed = now.UTC()
	return a.replace(ctx, autoKey(planPrefix, key), read.body, claimed, nil)
}

// Brake records the brake after one more invocation or a pause: it fails with ErrOvertaken
// unless it is still the one that was read. It returns the memory with the new one.
func (a *AutoReleases) Brake(ctx context.Context, m AutoMemory, next policy.Brake) (AutoMemory, error) {
	if err := a.replace(ctx, rowKey(kindAuto, brakeID), m.brake, next, nil); err != nil {
		return m, err
	}
	body, err := json.Marshal(next)
	m.Brake, m.brake = next, string(body)
	return m, err
}

// replace writes a row's body, and more attributes beside it, if the body is still the one that
// was read; empty: there was none.
func (a *AutoReleases) replace(ctx context.Context, key map[string]types.AttributeValue, read string, next any, more map[string]types.AttributeValue) error {
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("record in the ledger %s: %w", a.table.name, err)
	}
	input := &dynamodb.UpdateItemInput{
		TableName: &a.table.name, Key: key,
		UpdateExpression: aws.String("SET #body = :after"), ConditionExpression: aws.String("#body = :before"),
		ExpressionAttributeNames:  map[string]string{"#body": attrBody},
		ExpressionAttributeValues: map[string]types.AttributeValue{":before": text(read), ":after": text(string(body))},
	}
	for i, name := range slices.Sorted(maps.Keys(more)) {
		set := fmt.Sprintf("more%d", i)
		*input.UpdateExpression += ", #" + set + " = :" + set
		input.ExpressionAttributeNames["#"+set], input.ExpressionAttributeValues[":"+set] = name, more[name]
	}
	if read == "" {
		input.ConditionExpression = aws.String("attribute_not_exists(#body)")
		delete(input.ExpressionAttributeValues, ":before")
	}
	_, err = a.table.client.UpdateItem(ctx, input)
	if conditionFailed(err) {
		return ErrOvertaken
	}
	if err != nil {
		return fmt.Errorf("record in the ledger %s: %w", a.table.name, err)
	}
	return nil
}

func putAuto(prefix string, key Key, value any, at time.Time) (types.WriteRequest, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return types.WriteRequest{}, fmt.Errorf("record in the ledger: %w", err)
	}
	row := autoKey(prefix, key)
	row[attrPath], row[attrLockID], row[attrBody] = text(string(key.Path)), text(key.ID), text(string(body))
	row[attrExpires] = number(at.Add(keepAuto).Unix())
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, nil
}

func autoKey(prefix string, key Key) map[string]types.AttributeValue {
	return rowKey(kindAuto, prefix+textOf(lockRowKey(key), attrID))
}
