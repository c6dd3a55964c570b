package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// kindWitness are the creations of lock objects, by path and ETag: a client that waits
	// for a table creates the same object again and again, and the latest one counts.
	kindWitness = "witness"
	// kindObjectEvent are all events of lock objects, by path and order. A creation's
	// removal is the event that comes next, whenever each of them arrived.
	kindObjectEvent = "object-event"
	attrSequence    = "sequence"
	// KeepEvents is how long an event is kept from its own time on. The record of a lock
	// that is still held is renewed.
	KeepEvents = 35 * 24 * time.Hour
)

// Witnesses is what S3's events said of lock objects, in the ledger's table. It only adds
// evidence: nothing depends on it.
type Witnesses struct{ table }

// NewWitnesses opens the records in the table of that name.
func NewWitnesses(client *dynamodb.Client, name string) *Witnesses {
	return &Witnesses{table{client, name}}
}

// Object is one lock object: what a record belongs to.
type Object struct {
	Path tflock.Path
	ETag string // with or without quotes
}

// ObjectEvent is one event of a lock object. The same event gives the same records however
// often and in whatever order it comes.
type ObjectEvent struct {
	Path     tflock.Path `json:"-"`
	Sequence Sequence    `json:"-"`
	Removed  bool        `json:"-"` // else created
	Actor

	ETag    string `json:"etag,omitempty"`    // of the created object, without quotes; a removal has none that says anything
	Version string `json:"version,omitempty"` // of the created object, or the only one that was removed; empty for a delete marker

	// What the created object said: empty where it was gone already, or is not a lock.
	LockID    string `json:"lock_id,omitempty"`
	Operation string `json:"operation,omitempty"`
	Who       string `json:"who,omitempty"`
}

// Actor is who caused an event, and when. Its texts are cleaned and bounded.
type Actor struct {
	Principal string    `json:"principal"`
	Session   string    `json:"session,omitempty"`
	SourceIP  string    `json:"source_ip,omitempty"`
	At        time.Time `json:"at"` // by S3's clock
}

// Sequence is the order of the events of one object.
type Sequence string

// maxSequence bounds a sequencer, in hex digits. S3's have 16 to 34.
const maxSequence = 128

// ParseSequence reads the sequencer of an S3 event, a hexadecimal text: the shorter of two
// is padded with zeros on its right, and then they are compared as texts. So the zeros at
// its right say nothing, and without them texts compare the same.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func ParseSequence(sequencer string) (Sequence, error) {
	digits := strings.ToUpper(sequencer)
	if digits == "" || len(digits) > maxSequence || strings.Trim(digits, "0123456789ABCDEF") != "" {
		return "", fmt.Errorf("its sequencer is not a hexadecimal text of 1 to %d digits", maxSequence)
	}
	return Sequence(strings.TrimRight(digits, "0")), nil
}

// Record records an event. A late delivery of it may find the created object gone: it does not
// erase what an earlier one read of it.
func (w *Witnesses) Record(ctx context.Context, e ObjectEvent) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("record the event of %s: %w", e.Path, err)
	}
	row := eventKey(e.Path, e.Sequence, e.Removed)
	row[attrPath], row[attrBody], row[attrExpires] = text(string(e.Path)), text(string(body)), number(e.At.Add(KeepEvents).Unix())
	event := &dynamodb.PutItemInput{TableName: &w.name, Item: row}
	if e.LockID == "" {
		event.ConditionExpression, event.ExpressionAttributeNames = aws.String("attribute_not_exists(#id)"), map[string]string{"#id": attrID}
	}
	if _, err := w.client.PutItem(ctx, event); err != nil && !conditionFailed(err) {
		return fmt.Errorf("record an event in the ledger %s: %w", w.name, err)
	}
	if e.Removed {
		return nil
	}
	record := witnessKey(Object{e.Path, e.ETag})
	record[attrPath], record[attrLockID], record[attrBody], record[attrExpires] = row[attrPath], text(e.LockID), row[attrBody], row[attrExpires]
	record[attrSequence] = text(string(e.Sequence))
	newest := &dynamodb.PutItemInput{
		TableName: &w.name, Item: record,
		ConditionExpression:       aws.String("attribute_not_exists(#sequence) OR #sequence < :sequence"),
		ExpressionAttributeNames:  map[string]string{"#sequence": attrSequence},
		ExpressionAttributeValues: map[string]types.AttributeValue{":sequence": text(string(e.Sequence))},
	}
	if e.LockID != "" {
		newest.ConditionExpression = aws.String(*newest.ConditionExpression + " OR (#sequence = :sequence AND #lock = :nothing)")
		newest.ExpressionAttributeNames["#lock"], newest.ExpressionAttributeValues[":nothing"] = attrLockID, text("")
	}
	if _, err := w.client.PutItem(ctx, newest); err != nil && !conditionFailed(err) {
		return fmt.Errorf("record a witness in the ledger %s: %w", w.name, err)
	}
	return nil
}

// The letters sort before every hex digit, so that events come in the order of their sequence.
const (
	createdMark = ".c"
	removedMark = ".r"
)

func eventKey(path tflock.Path, s Sequence, removed bool) map[string]types.AttributeValue {
	mark := createdMark
	if removed {
		mark = removedMark
	}
	return rowKey(kindObjectEvent, eventPrefix(path)+string(s)+mark)
}

func eventPrefix(path tflock.Path) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:]) + "#"
}

// latestEvents asks for the events of the lock objects of a path, the latest first.
func (t table) latestEvents(path tflock.Path, pageSize int32) *dynamodb.QueryPaginator {
	return dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(pageSize),
		KeyConditionExpression:    aws.String("#kind = :event AND begins_with(#id, :prefix)"),
		ExpressionAttributeNames:  map[string]string{"#kind": attrKind, "#id": attrID},
		ExpressionAttributeValues: map[string]types.AttributeValue{":event": text(kindObjectEvent), ":prefix": text(eventPrefix(path))},
	})
}

func witnessKey(o Object) map[string]types.AttributeValue {
	sum := sha256.Sum256([]byte(string(o.Path) + "\x00" + strings.Trim(o.ETag, `"`)))
	return rowKey(kindWitness, hex.EncodeToString(sum[:]))
}
