package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Witnessed is the record of one lock object's latest creation.
type Witnessed struct {
	ObjectEvent
	Expires time.Time // DynamoDB deletes it up to two days later; until then it counts
}

// Witness is what people are shown of it.
func (w Witnessed) Witness() *policy.Witness {
	return &policy.Witness{Principal: w.Principal, Session: w.Session, SourceIP: w.SourceIP, TakenAt: w.At}
}

// maxBatchGet is DynamoDB's limit of rows in one BatchGetItem.
const maxBatchGet = 100

// Find returns the records of lock objects, in one call for each hundred of them. What has
// none is left out. With an error it gives what it found until then.
func (w *Witnesses) Find(ctx context.Context, objects ...Object) (map[Object]Witnessed, error) {
	found, _, err := w.find(ctx, objects)
	return found, err
}

// find is Find, and says of which objects it could not read whether they have a record, and
// why.
func (w *Witnesses) find(ctx context.Context, objects []Object) (found map[Object]Witnessed, unread map[Object]string, err error) {
	found, unread = map[Object]Witnessed{}, map[Object]string{}
	wanted, keys := witnessKeys(objects)
	for len(keys) > 0 {
		n := min(len(keys), maxBatchGet)
		rows, err := w.rows(ctx, keys[:n])
		for _, row := range rows {
			object := wanted[textOf(row, attrID)]
			if record, ok := w.decode(ctx, row); ok {
				found[object] = record
			} else {
				unread[object] = "its record cannot be decoded"
			}
		}
		if err != nil {
			missing(keys, wanted, found, func(o Object) { unread[o] = err.Error() })
			return found, unread, err
		}
		keys = keys[n:]
	}
	return found, unread, nil
}

// witnessKeys are the keys of the records of some objects, and the objects by the rows' IDs.
func witnessKeys(objects []Object) (wanted map[string]Object, keys []map[string]types.AttributeValue) {
	wanted = map[string]Object{}
	for _, o := range objects {
		o.ETag = strings.Trim(o.ETag, `"`)
		key := witnessKey(o)
		if id := textOf(key, attrID); o.ETag != "" && wanted[id] == (Object{}) {
			wanted[id], keys = o, append(keys, key)
		}
	}
	return wanted, keys
}

// missing calls f with the objects of those keys that were not found.
func missing(keys []map[string]types.AttributeValue, wanted map[string]Object, found map[Object]Witnessed, f func(Object)) {
	for _, key := range keys {
		object := wanted[textOf(key, attrID)]
		if _, read := found[object]; !read {
			f(object)
		}
	}
}

// rows reads the rows of these keys. With an error it returns those that it has read.
func (w *Witnesses) rows(ctx context.Context, keys []map[string]types.AttributeValue) ([]map[string]types.AttributeValue, error) {
	var all []map[string]types.AttributeValue
	err := repeated(ctx, keys, func(keys []map[string]types.AttributeValue) ([]map[string]types.AttributeValue, error) {
		out, err := w.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{w.name: {Keys: keys}}})
		if err != nil {
			return nil, err
		}
		all = append(all, out.Responses[w.name]...)
		return out.UnprocessedKeys[w.name].Keys, nil
	})
	if err != nil {
		return all, fmt.Errorf("read witnesses in the ledger %s: %w", w.name, err)
	}
	return all, nil
}

func (w *Witnesses) decode(ctx context.Context, row map[string]types.AttributeValue) (Witnessed, bool) {
	var record Witnessed
	if err := json.Unmarshal([]byte(textOf(row, attrBody)), &record.ObjectEvent); err != nil {
		slog.WarnContext(ctx, "ledger row cannot be read, so who took a lock is not known", "path", textOf(row, attrPath), "error", err)
		return Witnessed{}, false
	}
	record.Path, record.Sequence = tflock.Path(textOf(row, attrPath)), Sequence(textOf(row, attrSequence))
	record.Expires = time.Unix(numberOf(row, attrExpires), 0)
	return record, true
}

// maxWitnessed bounds the locks whose records are looked for: a scan keeps as many, and each
// call takes a hundred.
const maxWitnessed = 1000

// AddTo adds to judged cases who took their lock objects, in few calls. It returns the records
// of those that are held, to be renewed. Where no lock has an object there is no call. Each
// folder of states comes in turn, where there are too many and where the ledger fails
// meanwhile; with an error it has added what it found until then. A case whose record could
// not be read says so: its session is not taken for none.
func (w *Witnesses) AddTo(ctx context.Context, cases []policy.Case) (map[Object]Witnessed, error) {
	var objects []Object
	for i := range cases {
		if o := objectOf(cases[i]); o.ETag != "" {
			objects = append(objects, o)
		}
	}
	objects = tflock.InTurns(objects, func(o Object) tflock.Path { return o.Path })
	asked := objects[:min(len(objects), maxWitnessed)]
	found, unread, err := w.find(ctx, asked)
	for _, o := range objects[len(asked):] {
		unread[o] = "too many locks are held to read the records of all"
	}
	for i := range cases {
		o := objectOf(cases[i])
		if record, known := found[o]; known {
			cases[i].AddWitness(record.Witness())
			cases[i].WitnessProblem = ""
		} else if problem := unread[o]; problem != "" {
			cases[i].WitnessProblem = problem
		}
	}
	return found, err
}

// objectOf is the lock's object: the one that is there, or where only a row is left the one
// that scans saw with it.
func objectOf(c policy.Case) Object {
	etag := c.Seen.ETag
	for _, h := range c.Holdings {
		if h.Kind == tflock.S3 {
			etag = h.ETag
		}
	}
	return Object{c.Path, strings.Trim(etag, `"`)}
}

// EndOf returns who took the lock of an entry whose object is gone, and who removed it; nil
// where that is not known.
func (w *Witnesses) EndOf(ctx context.Context, path tflock.Path, e Entry) (*policy.Witness, *policy.Removal, error) {
	object := Object{path, strings.Trim(e.ETag, `"`)}
	found, err := w.Find(ctx, object)
	record, known := found[object]
	if !known {
		return nil, nil, err
	}
	removal, known, err := w.Removal(ctx, record)
	if !known {
		return record.Witness(), nil, err
	}
	return record.Witness(), &removal, err
}

// maxRemovals bounds the events that are read for who removed a lock: whoever may write a prefix can delete any
// number of old versions of one lock object, and alerts would wait until all of them were read.
const maxRemovals = 100

// Removal returns who removed the object of a record, and false where that is not known:
// nobody did, the event has not come, another object took its place first, or more old
// versions were deleted before than are read.
func (w *Witnesses) Removal(ctx context.Context, record Witnessed) (policy.Removal, bool, error) {
	prefix := eventPrefix(record.Path)
	page, err := w.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &w.name, Limit: aws.Int32(maxRemovals),
		KeyConditionExpression:   aws.String("#kind = :event AND #id BETWEEN :after AND :last"),
		ExpressionAttributeNames: map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			// What comes next after the creation itself, on this path alone: no digit sorts behind "G".
			":event": text(kindObjectEvent), ":after": text(prefix + string(record.Sequence) + createdMark + "~"), ":last": text(prefix + "G"),
		},
	})
	if err != nil {
		return policy.Removal{}, false, fmt.Errorf("read the events of a lock in the ledger %s: %w", w.name, err)
	}
	for _, row := range page.Items {
		var e ObjectEvent
		if json.Unmarshal([]byte(textOf(row, attrBody)), &e) != nil {
			return policy.Removal{}, false, nil // what happened next is not known
		}
		switch {
		case strings.HasSuffix(textOf(row, attrID), createdMark):
			return policy.Removal{}, false, nil
		case e.Version != "" && e.Version != record.Version: // another version was deleted
		default:
			return policy.Removal{Principal: e.Principal, Session: e.Session, SourceIP: e.SourceIP, RemovedAt: e.At}, true, nil
		}
	}
	return policy.Removal{}, false, nil
}

// renewBefore is how long before its end the record of a held lock is renewed: one write
// in a week, and time for a monitor that stands still.
const renewBefore = KeepEvents - 7*24*time.Hour

// Renew keeps the records of locks that are still held at that time. It makes no call for
// records that are not due.
func (w *Witnesses) Renew(ctx context.Context, held map[Object]Witnessed, now time.Time) error {
	for object, record := range held {
		if record.Expires.Sub(now) > renewBefore {
			continue
		}
		_, err := w.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &w.name, Key: witnessKey(object),
			UpdateExpression:          aws.String("SET #expires = :expires"),
			ConditionExpression:       aws.String("attribute_exists(#id)"), // DynamoDB may just have deleted it
			ExpressionAttributeNames:  map[string]string{"#expires": attrExpires, "#id": attrID},
			ExpressionAttributeValues: map[string]types.AttributeValue{":expires": number(now.Add(KeepEvents).Unix())},
		})
		if err != nil && !conditionFailed(err) {
			return fmt.Errorf("renew a witness in the ledger %s: %w", w.name, err)
		}
	}
	return nil
}
