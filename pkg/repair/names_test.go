package repair_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
)

// A state with more names in the tables than anybody gives it is not locked under each of them: the
// answer says so, for a dry run too, and nothing is written.
func TestAStateWithManyNamesIsNotRepaired(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	stale := local.MD5([]byte("another"))
	w.digest(w.Table, stale)
	for i := range 40 {
		name := fmt.Sprintf("%s/network/%s%s-md5", w.Bucket, strings.Repeat("/", i+1), strings.TrimPrefix(key, "network/"))
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &w.TableARN, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, dry := range []bool{true, false} {
		var written atomic.Int64
		wire := &local.Wire{Before: func(call string) {
			if strings.HasSuffix(call, ".PutItem") || strings.HasSuffix(call, ".UpdateItem") || call == "PUT" {
				written.Add(1)
			}
		}}
		request := w.request(policy.AcceptState, "")
		request.DryRun = dry
		a, err := w.run(wire, request)
		if err != nil || a.Outcome != repair.Locked || !strings.Contains(a.Message, "more than 20 names") {
			t.Errorf("dry run %v: %+v, %v", dry, a, err)
		}
		if written.Load() > 0 || len(w.held()) > 0 || w.Digests(key)[0] != stale {
			t.Errorf("dry run %v: %d writes, held %q, digest %s", dry, written.Load(), w.held(), w.Digests(key)[0])
		}
	}
}

// climber is the wire to AWS while somebody who may write the rows of one prefix takes away a lock of theirs, whose name climbs
// to another team's state, once the tables were read, and has transactions under way on that row as soon as our lock may be there.
type climber struct {
	local.Wire
	w       *world
	row     string
	removed bool
}

func (c *climber) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tflock") && !c.removed {
		c.removed = true
		if _, err := dynamodb.NewFromConfig(server.Config()).DeleteItem(r.Context(), &dynamodb.DeleteItemInput{
			TableName: &c.w.Table, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: c.row}},
		}); err != nil {
			return nil, err
		}
	}
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem") {
		return c.Wire.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !bytes.Contains(body, []byte(`"LockID":{"S":"`+c.row+`"}`)) {
		return c.Wire.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`)),
	}, nil
}

// Whoever may write the rows of one prefix alone leaves no lock of ours on another team's state.
func TestARowThatClimbsLeavesNoLockOfARepair(t *testing.T) {
	w := newWorld(t)
	right := serial(t, 1)
	w.Put(key, right)
	w.digest(w.Table, "wrong")
	c := &climber{w: w, row: w.Bucket + "/a-team/../" + key}
	info := fmt.Sprintf(`{"ID":"x","Operation":"OperationTypePlan","Info":"","Who":"me@x","Version":"1.5.7","Created":"2026-11-23T07:06:04.85961561Z","Path":%q}`, c.row)
	if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &w.Table, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: c.row}, "Info": &types.AttributeValueMemberS{Value: info}},
	}); err != nil {
		t.Fatal(err)
	}
	cfg := server.Config()
	cfg.HTTPClient = c
	answer, err := w.repairer(cfg).Run(t.Context(), w.request(policy.AcceptState, ""), "request")
	if err != nil || !c.removed || answer.Outcome != repair.Repaired || w.Digests(key)[0] != local.MD5(right) {
		t.Errorf("%s %s, %v; digests %q", answer.Outcome, answer.Message, err, w.Digests(key))
	}
	if held := w.held(); len(held) > 0 {
		t.Errorf("left: %q", held)
	}
}
