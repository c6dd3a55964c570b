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
		if j := policy.Judge(l, policy.Sighting{FirstSeen: ago(time.Minute)}, thresholds, now); j.Verdict != policy.Stuck {
			b.Fatal(j)
		}
	}
}

func BenchmarkWeigh(b *testing.B) {
	l, seen := lock(ago(time.Hour)), policy.Sighting{FirstSeen: ago(50 * time.Minute)}
	j := policy.Judge(l, seen, policy.Thresholds{Default: 30 * time.Minute}, now)
	b.ReportAllocs()
	for b.Loop() {
		if e := policy.Weigh(l, j, seen, policy.State{Written: ago(2 * time.Hour)}, 10*time.Minute, now); e.Liveness != policy.LikelyOrphan {
			b.Fatal(e)
		}
	}
}
