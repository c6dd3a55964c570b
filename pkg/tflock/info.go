package tflock

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Info is what a client writes when it takes a lock: Terraform's
// statemgr.LockInfo, the same in OpenTofu. The order of the fields is the order
// in which both marshal them.
type Info struct {
	ID        string    // opaque; shaped like a UUID, but not a valid version 4
	Operation string    // "OperationTypeApply", "state-mv", "init", …
	Info      string    // free text, almost always empty
	Who       string    // user@host; either half may be empty
	Version   string    // the client's version, without the product's name
	Created   time.Time // the client's clock, before it took the lock; see CreatedUsable
	Path      string    // bucket/key of the state
}

// Operations, as the clients name them. A plan writes no state.
const (
	OperationPlan    = "OperationTypePlan"
	OperationApply   = "OperationTypeApply"
	OperationRefresh = "OperationTypeRefresh"
)

// Reasons why bytes are not a lock that anybody could release by its ID.
var (
	ErrNotLockInfo = errors.New("not a lock's JSON")
	ErrNoID        = errors.New("lock has no ID")
)

// lockingBorn is the day of Terraform 0.9, the first release with state locks.
// No client's honest clock can show an earlier time.
var lockingBorn = time.Date(2017, 3, 15, 0, 0, 0, 0, time.UTC)

// Marshal returns exactly the bytes that Terraform and OpenTofu would write.
// OpenTofu deletes its DynamoDB lock on the condition that Info equals the
// re-marshalled struct, so a lock written in any other form cannot be unlocked
// by it. It fails where encoding/json cannot write Created (a year past 9999).
func (i Info) Marshal() ([]byte, error) {
	raw, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("lock info cannot be written as JSON: %w", err)
	}
	return raw, nil
}

// CreatedUsable reports whether Created can be a client's clock at all. A missing or
// malformed one decodes to year 1, and a host without a battery starts in
// 1970: neither is "very old".
func (i Info) CreatedUsable() bool { return !i.Created.Before(lockingBorn) }

// ParseInfo reads a lock's JSON as the clients do, by encoding/json. Where they would
// fail it keeps the fields that are right: only the ID must be, since a lock whose Created
// or Who is damaged is still held. A damaged field is left at its zero value. What is larger than
// any client writes is gone through once: whoever can write one lock can write 400 KB of JSON on
// which a client fails at the end.
//
// Errors are ErrNotLockInfo and ErrNoID (a client accepts an empty ID for
// `{}`, and force-unlock "" would then succeed: never follow it there). They never
// quote the bytes.
func ParseInfo(raw []byte) (Info, error) {
	var info Info
	if len(raw) > UsualSize || json.Unmarshal(raw, &info) != nil { // twice as fast as field by field
		var err error
		if info, err = parseFields(raw); err != nil {
			return Info{}, err
		}
	}
	if info.ID == "" {
		return info, ErrNoID
	}
	return info, nil
}

// parseFields reads each field by itself. It fails with ErrNotLockInfo.
func parseFields(raw []byte) (Info, error) {
	var fields struct {
		ID, Operation, Info, Who, Version lenient[string]
		Created                           lenient[time.Time]
		Path                              lenient[string]
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Info{}, ErrNotLockInfo
	}
	return Info{
		ID: fields.ID.value, Operation: fields.Operation.value, Info: fields.Info.value, Who: fields.Who.value,
		Version: fields.Version.value, Created: fields.Created.value, Path: fields.Path.value,
	}, nil
}

// lenient is a field of JSON that is left at its zero value where it is of another type. Null
// leaves it as it is, as encoding/json does.
type lenient[T any] struct{ value T }

// UnmarshalJSON never fails: the decoder has checked the syntax of the whole text before.
func (l *lenient[T]) UnmarshalJSON(raw []byte) error {
	value := l.value
	if json.Unmarshal(raw, &value) != nil {
		var none T
		value = none
	}
	l.value = value
	return nil
}
