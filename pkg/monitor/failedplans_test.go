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
)

// A bucket cannot be read in each second scan. In report mode people are notified once of what is planned there, as where all can be read.
func TestPlansOfReportModeOutliveAScanThatFails(t *testing.T) {
	t.Parallel()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	autoReleases := ledger.NewAutoReleases(dynamodb.NewFromConfig(scale.Config(scale.Direct{World: fake})), "ledger")
	m := &Monitor{AutoReleases: autoReleases, Log: slog.New(slog.DiscardHandler), Now: time.Now, ScanEvery: 5 * time.Minute}
	locks, err := policy.ParseSelection("**")
	if err != nil {
		t.Fatal(err)
	}
	topic := heard{}
	for n := range 6 {
		found := scan.Of()
		found.Started, found.Ended, found.Watched = time.Now(), time.Now(), []string{scale.BucketARN("b"), scale.BucketARN("c")}
		other := endedOn("c/a-team/x")
		other.Holdings[0].Store = scale.BucketARN("c")
		found.Worst = []policy.Case{other}
		if n%2 == 1 {
			found.Failures = map[string]scan.Failure{scale.BucketARN("b"): {}}
		} else {
			found.Worst = append(found.Worst, endedOn("b/production/x"))
		}
		memory, err := autoReleases.Recall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known := &knownRuns{auto: policy.AutoRules{Locks: locks, Mode: policy.AutoReport}, memory: memory, earlier: memory}
		for i := range found.Worst {
			known.asked = append(known.asked, &evidence.Question{Case: &found.Worst[i]})
		}
		if _, err := m.plan(t.Context(), &notifier{scan: found, topic: topic, out: ledger.Messages{}, until: time.Now().Add(time.Hour)}, known); err != nil {
			t.Fatal(err)
		}
	}
	if topic["b/production/x"] != 1 || topic["c/a-team/x"] != 1 {
		t.Error("people were notified more or less than once: " + fmt.Sprint(topic))
	}
}
