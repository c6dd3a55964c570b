package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The table's keys: HASH `kind`, RANGE `id`, both strings; TTL in `expires_at`.
// A lock's row has the path in clear beside it, for people who look.
const (
	attrKind    = "kind"
	attrID      = "id"
	attrPath    = "path"
	attrLockID  = "lock_id"
	attrBody    = "body"
	attrExpires = "expires_at"

	kindLock = "lock"
	kindRun  = "run"
	monitor  = "monitor" // the one row of kindRun
)

// Table is the ledger in DynamoDB.
type Table struct {
	client *dynamodb.Client
	name   string
}

// NewTable opens the ledger in the table of that name.
func NewTable(client *dynamodb.Client, name string) *Table { return &Table{client, name} }

// Recall reads the memory of all locks, consistently, without the lease: their findings
// are not in it.
func (t *Table) Recall(ctx context.Context) (Memory, error) {
	run, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: rowKey(kindRun, monitor), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return Memory{}, fmt.Errorf("read the ledger %s: %w", t.name, err)
	}
	return t.recall(ctx, run.Item, func(key Key) (Key, bool) { return key, true })
}

// maxFindings is how many findings are kept whole: no message has room for more. Of the
// others the reasons, which are most of them, are not.
const maxFindings = 1000

func (t *Table) recall(ctx context.Context, run map[string]types.AttributeValue, held func(Key) (Key, bool)) (Memory, error) {
	m := Memory{Locks: map[Key]Entry{}}
	var err error
	if m.Stores, err = unpackStores(run[attrBody]); err != nil {
		// Without it failures are notified again and ages lose a bound: better than silence.
		slog.WarnContext(ctx, "ledger row cannot be read, so it starts from nothing", attrKind, kindRun, "error", err)
	}
	shared, findings := texts{}, 0
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#kind = :lock"),
		ExpressionAttributeNames:  map[string]string{"#kind": attrKind},
		ExpressionAttributeValues: map[string]types.AttributeValue{":lock": text(kindLock)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Memory{}, fmt.Errorf("read the ledger %s: %w", t.name, err)
		}
		for _, item := range page.Items {
			key, known := held(Key{textOf(item, attrPath), textOf(item, attrLockID)})
			entry, err := decodeEntry([]byte(textOf(item, attrBody)), !known)
			if err != nil {
				// An alert twice is better than none.
				slog.WarnContext(ctx, "ledger row cannot be read, so its lock counts as new", "path", key.Path, "error", err)
				continue
			}
			entry.Expires = time.Unix(numberOf(item, attrExpires), 0)
			entry.Stores = shared.of(entry.Stores)
			if entry.Finding != nil {
				if findings++; findings > maxFindings {
					entry.Finding.Evidence.Reasons = nil
				}
			}
			m.Locks[key] = entry
		}
	}
	return m, nil
}

// decodeEntry reads a lock's memory, without its finding where that is not wanted: it is
// most of what an entry takes.
func decodeEntry(body []byte, withFinding bool) (Entry, error) {
	var e Entry
	if withFinding {
		err := json.Unmarshal(body, &e)
		if e.Finding != nil {
			e.HeldSince, e.Stuck = e.Finding.HeldSince, e.Finding.Verdict == policy.Stuck
		}
		return e, err
	}
	var lean struct {
		Entry
		Finding struct { // in place of the entry's own
			HeldSince time.Time      `json:"held_since"`
			Verdict   policy.Verdict `json:"verdict"`
		} `json:"finding"`
	}
	err := json.Unmarshal(body, &lean)
	e = lean.Entry
	e.HeldSince, e.Stuck = lean.Finding.HeldSince, lean.Finding.Verdict == policy.Stuck
	return e, err
}

// texts keeps one copy of each list of texts: nearly every lock is in the same store.
type texts map[string][]string

func (t texts) of(list []string) []string {
	key := strings.Join(list, "\x00")
	if t[key] == nil {
		t[key] = list
	}
	return t[key]
}

func rowKey(kind, id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrKind: text(kind), attrID: text(id)}
}

// lockRowKey hashes path and ID: a DynamoDB sort key has 1024 bytes, a path alone up
// to 2048.
func lockRowKey(key Key) map[string]types.AttributeValue {
	sum := sha256.Sum256([]byte(key.Path + "\x00" + key.ID))
	return rowKey(kindLock, hex.EncodeToString(sum[:]))
}

func lockRow(key Key, entry Entry) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("lock on %s cannot be recorded: %w", key.Path, err)
	}
	row := lockRowKey(key)
	row[attrPath], row[attrLockID], row[attrBody] = text(key.Path), text(key.ID), text(string(body))
	row[attrExpires] = number(entry.Expires.Unix())
	return row, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(row map[string]types.AttributeValue, name string) string {
	if s, ok := row[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(row map[string]types.AttributeValue, name string) int64 {
	n, ok := row[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return value
}

func conditionFailed(err error) bool {
	_, failed := errors.AsType[*types.ConditionalCheckFailedException](err)
	return failed
}
