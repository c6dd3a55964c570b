package monitor

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// While a prefix is crowded, whoever writes it takes other locks there for each scan. What is remembered of their runs
// does not grow, so that it can be read in time and others are released automatically; what people asked for stays.
func TestWhatIsRememberedOfRunsDoesNotGrow(t *testing.T) {
	t.Parallel()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	client := dynamodb.NewFromConfig(scale.Config(scale.Direct{World: fake}))
	autoReleases := ledger.NewAutoReleases(client, "ledger")
	m := &Monitor{AutoReleases: autoReleases, Log: slog.New(slog.DiscardHandler), Now: time.Now, ScanEvery: 5 * time.Minute}
	production := caseOn("b/production/x")
	kept := ledger.Key{Path: "b/a-team/kept", ID: "1"}
	if err := autoReleases.RecordKeep(t.Context(), kept, ledger.Keep{At: time.Now().Add(-time.Hour), By: "me", Stores: []string{scale.TableARN("locks")}}); err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		found := scan.Of()
		found.Started, found.Watched = time.Now(), []string{scale.TableARN("locks")}
		found.Failures = map[string]scan.Failure{scale.TableARN("locks"): {Problem: "x", Crowded: []string{"b/a-team/"}}}
		for i := range 500 {
			found.Worst = append(found.Worst, caseOn(tflock.Path(fmt.Sprintf("b/a-team/%d-%03d", n, i))))
		}
		found.Worst = append(found.Worst, production)
		memory, err := autoReleases.Recall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known := &knownRuns{memory: memory, earlier: memory}
		for i := range found.Worst {
			known.asked = append(known.asked, &evidence.Question{Case: &found.Worst[i]})
		}
		if _, err := m.plan(t.Context(), &notifier{scan: found}, known); err != nil {
			t.Fatal(err)
		}
	}
	memory, err := autoReleases.Recall(t.Context())
	if err != nil || len(memory.Locks) > maxChecks+1 || memory.Locks[ledger.KeyOf(production.Lock)].Check == nil || memory.Locks[kept].Keep == nil {
		t.Errorf("%d locks are remembered, production's: %+v, the kept one: %+v; %v", len(memory.Locks), memory.Locks[ledger.KeyOf(production.Lock)], memory.Locks[kept], err)
	}
	if err := autoReleases.ForgetChecks(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if memory, err = autoReleases.Recall(t.Context()); err != nil || len(memory.Locks) != 1 || memory.Locks[kept].Keep == nil {
		t.Errorf("after old checks were forgotten: %d, %v", len(memory.Locks), err)
	}
}

func caseOn(path tflock.Path) policy.Case {
	h := tflock.Holding{Kind: tflock.DynamoDB, Store: scale.TableARN("locks"), Path: path, Info: tflock.Info{ID: "1"}}
	return policy.Case{Lock: tflock.Lock{ID: "1", Path: path, Holdings: []tflock.Holding{h}}, Judgement: policy.Judgement{Verdict: policy.Stuck}}
}
