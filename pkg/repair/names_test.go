package repair_test

import (
	"fmt"
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
