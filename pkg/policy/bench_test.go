package policy_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func BenchmarkJudge(b *testing.B) {
	overrides, err := policy.ParseOverrides("operation:OperationTypePlan=15m,*/environments/production/**=2h,**/{staging,test}/**=1h")
	if err != nil {
		b.Fatal(err)
	}
	thresholds := policy.Thresholds{Default: 30 * time.Minute, Overrides: overrides}
	l := lock(ago(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		c := policy.Case{Lock: l, Seen: policy.Sighting{FirstSeen: ago(time.Minute)}}
		if c.Judge(policy.Rules{Thresholds: thresholds}, now); c.Verdict != policy.Stuck {
			b.Fatal(c.Judgement)
		}
	}
}

func BenchmarkEvidence(b *testing.B) {
	c := judged(lock(ago(time.Hour)), seenIn(ago(50*time.Minute), ago(55*time.Minute), "table"))
	c.State = policy.State{Written: ago(2 * time.Hour)}
	b.ReportAllocs()
	for b.Loop() {
		if e := c.Evidence(); e.Liveness != policy.LikelyOrphan {
			b.Fatal(e)
		}
	}
}
