package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// farRegion is another region than the stack's.
const farRegion = "eu-west-1"

// farTable is a lock table in another region, with a lock that somebody left there.
type farTable struct {
	engine *Engine
	arn    string
	name   string
	path   string // of the locked state
	inbox  *Inbox
	dir    string // an empty folder
}

// abroad makes one. Its inbox is there before the first scan.
func abroad(t *testing.T, e *Engine, topic, path string) *farTable {
	t.Helper()
	far := &farTable{engine: e, name: "journey-far-locks", path: path, dir: t.TempDir()}
	var err error
	far.arn, err = e.AWS(t.Context(), "dynamodb", "create-table", "--region", farRegion, "--table-name", far.name, "--billing-mode", "PAY_PER_REQUEST",
		"--attribute-definitions", "AttributeName=LockID,AttributeType=S", "--key-schema", "AttributeName=LockID,KeyType=HASH",
		"--query", "TableDescription.TableArn", "--output", "text")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tflock.Info{
		ID: "0f3f5d5a-0a1b-4c2d-8e3f-001122334455", Operation: "OperationTypeApply", Who: "far@away", Version: "1.11.4", Created: time.Now().UTC(), Path: path,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	item, err := json.Marshal(map[string]map[string]string{"LockID": {"S": path}, "Info": {"S": string(raw)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.AWS(t.Context(), "dynamodb", "put-item", "--region", farRegion, "--table-name", far.name, "--item", string(item)); err != nil {
		t.Fatal(err)
	}
	if far.inbox, err = e.Subscribe(t.Context(), "far-inbox", topic); err != nil {
		t.Fatal(err)
	}
	return far
}

// release waits for the alert of the lock, pastes its command, and says what is wrong if the
// row is still there.
func (f *farTable) release(ctx context.Context, s Scene) error {
	_, key, _ := strings.Cut(f.path, "/")
	alert, err := f.inbox.Wait(ctx, "lock.stuck", key, waits)
	if err != nil {
		return err
	}
	s.Dir = f.dir
	if err := s.paste(ctx, alert.Actions.Unlock); err != nil {
		return err
	}
	left, err := f.engine.AWS(ctx, "dynamodb", "scan", "--region", farRegion, "--table-name", f.name, "--query", "Count", "--output", "text")
	if err == nil && left != "0" {
		err = fmt.Errorf("%s rows are left in the other region", left)
	}
	return err
}
