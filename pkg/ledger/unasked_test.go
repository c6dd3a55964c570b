package ledger_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Of more states than the witness can be asked about it is known which are left, and no folder takes the place of another.
func TestTheStatesOfWhichTheWitnessIsNotAsked(t *testing.T) {
	t.Parallel()
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	lockedOnce := func(path string, kind tflock.Kind, settled bool) {
		body, err := json.Marshal(ledger.Past{Kinds: []tflock.Kind{kind}, FirstSeen: now, HeldSince: now, Settled: settled})
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("%s#%s %s", now.UTC().Format(time.RFC3339), path, kind)
		world.Tables["ledger"].Put(scale.Item{"kind": {"S": "past"}, "id": {"S": id}, "path": {"S": path}, "lock_id": {"S": id}, "body": {"S": string(body)}})
	}
	lockedBothWays := func(path string) {
		lockedOnce(path, tflock.S3, true)
		lockedOnce(path, tflock.DynamoDB, false) // one scan alone saw it
	}
	for i := range 520 {
		lockedBothWays(fmt.Sprintf("states/dev/%d", i))
	}
	lockedBothWays("states/production/x")
	history := ledger.NewHistory(dynamodb.NewFromConfig(scale.Config(&scale.Direct{World: world})), "ledger")
	_, left, err := history.Locking(t.Context(), func(tflock.Path) bool { return true })
	if err != nil || len(left) == 0 || len(left) > 21 || slices.Contains(left, "states/production/x") {
		t.Errorf("%d states are left: %q, %v", len(left), left, err)
	}
}
