package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever has thousands of states pruned takes no more memory, and none of the places of the others, which were pruned before.
func TestTheNewestPrunesOfEachFolderCanBeRestored(t *testing.T) {
	t.Parallel()
	const many, most = 1000, 100
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	prunes := ledger.NewPrunes(dynamodb.NewFromConfig(scale.Config(&scale.Direct{World: world})), "ledger")
	add := func(path string, age time.Duration, record ledger.Pruned) {
		t.Helper()
		record.At, record.State = now.Add(-age), policy.Stale{Path: tflock.Path(path), Fate: policy.Pruned}
		if err := prunes.Record(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	for i := range many {
		add(fmt.Sprintf("states/branches/dev/%d", i), time.Duration(i)*time.Minute, ledger.Pruned{})
	}
	add("states/branches/ops/x", 30*24*time.Hour, ledger.Pruned{})
	add("states/prod/x", 60*24*time.Hour, ledger.Pruned{})
	add("states/prod/lost", time.Hour, ledger.Pruned{Lost: true})
	some, total, err := prunes.Recent(t.Context(), most)
	if err != nil || total != many+2 || len(some) != most {
		t.Fatalf("%d of %d, %v", len(some), total, err)
	}
	if some[0].State.Path != "states/branches/dev/0" || some[most-2].State.Path != "states/branches/ops/x" || some[most-1].State.Path != "states/prod/x" {
		t.Errorf("the newest is %s, the oldest are %s and %s", some[0].State.Path, some[most-2].State.Path, some[most-1].State.Path)
	}
	for i, record := range some[:most-2] {
		if want := tflock.Path(fmt.Sprintf("states/branches/dev/%d", i)); record.State.Path != want {
			t.Errorf("place %d has %s, want %s", i, record.State.Path, want)
		}
	}
}
