package monitor

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// heard counts in how many messages a lock is named.
type heard map[string]int

func (h heard) Publish(_ context.Context, e alert.Event) error {
	for _, i := range e.Locks {
		h[i.Path]++
	}
	if e.Lock != nil {
		h[e.Lock.Path]++
	}
	return nil
}

// In report mode a plan stays, so that people are notified once. Whoever may write one prefix keeps locks of runs that have ended there, more than a
// scan looks at, and has others among those with each scan. What is remembered of plans does not grow, so that it can be read in time, or nothing
// would be released automatically for 35 days once that is switched on.
func TestWhatIsPlannedInReportModeDoesNotGrow(t *testing.T) {
	t.Parallel()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	autoReleases := ledger.NewAutoReleases(dynamodb.NewFromConfig(scale.Config(scale.Direct{World: fake})), "ledger")
	m := &Monitor{AutoReleases: autoReleases, Log: slog.New(slog.DiscardHandler), Now: time.Now, ScanEvery: 5 * time.Minute}
	locks, err := policy.ParseSelection("**")
	if err != nil {
		t.Fatal(err)
	}
	production, topic := endedOn("b/production/x"), heard{}
	const each = 60
	var held []policy.Case
	for n := range 10 {
		for i := range each {
			held = append(held, endedOn(tflock.Path(fmt.Sprintf("b/a-team/%d-%03d", n, i))))
		}
		found := scan.Of()
		found.Started, found.Ended, found.Watched = time.Now(), time.Now(), []string{scale.BucketARN("b")}
		found.Worst = append(held[:len(held):len(held)], production)
		memory, err := autoReleases.Recall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known := &knownRuns{auto: policy.AutoRules{Locks: locks, Mode: policy.AutoReport}, memory: memory, earlier: memory}
		for i := len(found.Worst) - each - 1; i < len(found.Worst); i++ {
			known.asked = append(known.asked, &evidence.Question{Case: &found.Worst[i]})
		}
		if _, err := m.plan(t.Context(), &notifier{scan: found, topic: topic, out: ledger.Messages{}, until: time.Now().Add(time.Hour)}, known); err != nil {
			t.Fatal(err)
		}
	}
	memory, err := autoReleases.Recall(t.Context())
	plans := 0
	for _, known := range memory.Locks {
		if known.Plan != nil {
			plans++
		}
	}
	if err != nil || plans > each+1 || memory.Locks[ledger.KeyOf(production.Lock)].Plan == nil || topic["b/production/x"] != 1 || len(topic) != 10*each+1 {
		t.Errorf("%d plans; people were notified of %d locks, of production's %d times; %v", plans, len(topic), topic["b/production/x"], err)
	}
}

// endedOn is a lock whose run has ended, and that nothing holds back.
func endedOn(path tflock.Path) policy.Case {
	now := time.Now()
	ended := now.Add(-30 * time.Minute)
	h := tflock.Holding{Kind: tflock.S3, Store: scale.BucketARN("b"), Path: path, Info: tflock.Info{ID: "1"}, ETag: "e", Modified: now.Add(-time.Hour)}
	return policy.Case{
		Lock: tflock.Lock{ID: "1", Path: path, Holdings: []tflock.Holding{h}}, Run: &policy.Run{Source: policy.GitHub, ID: "1", Status: policy.RunEnded, Ended: &ended},
		Judgement: policy.Judgement{Verdict: policy.Stuck, At: now, Guard: 10 * time.Minute, Held: time.Hour, HeldAtLeast: time.Hour},
	}
}
