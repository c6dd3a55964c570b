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

// Reasons why bytes are not a lock that anybody could release by its ID.
var (
	ErrNotLockInfo = errors.New("not a lock's JSON")
	ErrNoID        = errors.New("lock has no ID")
)

// lockingBorn is the day of Terraform 0.9, the first release with state locks.
// No client's honest clock can show an earlier time.
var lockingBorn = time.Date(2017, 3, 15, 0, 0, 0, 0, time.UTC)

// Marshal gives exactly the bytes that Terraform and OpenTofu would write.
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

// CreatedUsable says whether Created can be a client's clock at all. A missing or
// malformed one decodes to year 1, and a host without a battery starts in
// 1970: neither is "very old".
func (i Info) CreatedUsable() bool { return !i.Created.Before(lockingBorn) }

// ParseInfo reads a lock's JSON as the clients do, by encoding/json. Where they would
// fail it goes on field by field: only the ID must be right, since a lock whose Created
// or Who is damaged is still held. A damaged field is left at its zero value.
//
// Errors are ErrNotLockInfo and ErrNoID (a client accepts an empty ID for
// `{}`, and force-unlock "" would then succeed: never follow it there). They never
// quote the bytes.
func ParseInfo(raw []byte) (Info, error) {
	var whole Info
	if json.Unmarshal(raw, &whole) == nil {
		if whole.ID == "" {
			return whole, ErrNoID
		}
		return whole, nil
	}
	var fields struct{ ID, Operation, Info, Who, Version, Created, Path json.RawMessage }
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Info{}, ErrNotLockInfo
	}
	var info Info
	for _, field := range []struct {
		raw json.RawMessage
		to  any
	}{
		{fields.ID, &info.ID},
		{fields.Operation, &info.Operation},
		{fields.Info, &info.Info},
		{fields.Who, &info.Who},
		{fields.Version, &info.Version},
		{fields.Path, &info.Path},
	} {
		// The zero value is the answer for a field of another type.
		_ = json.Unmarshal(field.raw, field.to)
	}
	var created time.Time
	if json.Unmarshal(fields.Created, &created) == nil {
		info.Created = created
	}
	if info.ID == "" {
		return info, ErrNoID
	}
	return info, nil
}
