package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// source is what S3 calls itself in its events.
const source = "aws:s3"

// Parse reads the body of a message that S3 sent to a queue, and returns the events of lock
// objects in it. What is not an S3 event, such as the s3:TestEvent of a new notification,
// and other objects are ignored. An error names what is malformed, and quotes nothing of
// it; the well-formed events of the same message are given all the same.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func Parse(body string) ([]Event, error) {
	var message struct{ Records json.RawMessage }
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		if strings.HasPrefix(strings.TrimSpace(body), "{") {
			return nil, errors.New("message is broken JSON")
		}
		return nil, nil
	}
	var records []json.RawMessage
	if json.Unmarshal(message.Records, &records) != nil {
		return nil, nil
	}
	var found []Event
	var errs []error
	for i, raw := range records {
		event, wanted, err := parseRecord(raw)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("record %d: %w", i+1, err))
		case wanted:
			found = append(found, event)
		}
	}
	return found, errors.Join(errs...)
}

// Event is one event of a lock object, with what names the object in S3.
type Event struct {
	ledger.ObjectEvent
	Bucket string
	Key    string // as it is in the bucket, decoded
}

// parseRecord reads one event, and reports whether it is one of a lock object.
func parseRecord(raw json.RawMessage) (Event, bool, error) {
	var kind struct {
		Source string `json:"eventSource"`
		Name   string `json:"eventName"`
	}
	if json.Unmarshal(raw, &kind) != nil {
		return Event{}, false, errors.New("is not an S3 event")
	}
	action, _, _ := strings.Cut(strings.TrimPrefix(kind.Name, "s3:"), ":")
	if kind.Source != source || (action != "ObjectCreated" && action != "ObjectRemoved") {
		return Event{}, false, nil
	}
	var r events.S3EventRecord
	if json.Unmarshal(raw, &r) != nil { // its errors quote the record
		return Event{}, false, errors.New("a field has the wrong type, its time is invalid, or its key is not URL-encoded")
	}
	bucket, key := r.S3.Bucket.Name, r.S3.Object.URLDecodedKey
	if bucket == "" || strings.Contains(bucket, "/") || key == "" {
		return Event{}, false, errors.New("names no bucket or no key")
	}
	state, isLock := strings.CutSuffix(key, tflock.Suffix)
	if !isLock || state == "" {
		return Event{}, false, nil
	}
	e, err := eventOf(r, action == "ObjectRemoved")
	e.Path = tflock.NewPath(bucket, state)
	return Event{ObjectEvent: e, Bucket: bucket, Key: key}, err == nil, err
}

func eventOf(r events.S3EventRecord, removed bool) (ledger.ObjectEvent, error) {
	sequence, err := ledger.ParseSequence(r.S3.Object.Sequencer)
	switch {
	case err != nil:
		return ledger.ObjectEvent{}, err
	case r.EventTime.IsZero():
		return ledger.ObjectEvent{}, errors.New("has no time")
	}
	principal := plain.Line(r.PrincipalID.PrincipalID, policy.MaxPrincipal)
	e := ledger.ObjectEvent{
		Sequence: sequence, Removed: removed,
		Actor: ledger.Actor{Principal: principal, Session: policy.SessionOf(principal), SourceIP: plain.Line(r.RequestParameters.SourceIPAddress, maxAddress), At: r.EventTime.UTC()},
	}
	if removed {
		if !strings.HasSuffix(r.EventName, ":DeleteMarkerCreated") {
			e.Version = r.S3.Object.VersionID
		}
		return e, nil
	}
	e.ETag, e.Version = strings.Trim(r.S3.Object.ETag, `"`), r.S3.Object.VersionID
	if e.ETag == "" {
		return ledger.ObjectEvent{}, errors.New("is of a created object, and has no ETag")
	}
	return e, nil
}

// maxAddress bounds an address, in characters: an IPv6 one has at most 45. S3 names the
// service instead where one of AWS's own called it.
const maxAddress = 128
