package scan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What a scan looks at closely decides what an alert says of a lock's run, and what is released
// automatically. Whoever may write under one prefix has a place there, and not all of them.
func TestLocksOfOnePrefixDoNotTakeThePlaceOfOthers(t *testing.T) {
	for name, junk := range map[string]struct{ shared, content string }{
		"old locks":                             {"", `{"ID":"%d"}`},
		"what is not a lock":                    {"", "%d"},
		"old locks beside others in workspaces": {"env:/", `{"ID":"%d"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := &scale.Bucket{Name: "states"}
			for i := range 40 {
				bucket.Put(fmt.Sprintf("%sa-team/%02d%s", junk.shared, i, tflock.Suffix), fmt.Sprintf(junk.content, i), time.Now().Add(-24*time.Hour))
			}
			for _, key := range []string{"production/a.tfstate", "staging/b.tfstate"} {
				bucket.Put(junk.shared+key+tflock.Suffix, victim, time.Now().Add(-time.Minute))
			}
			set := openBehind(t, &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}, nil, scale.BucketARN("states"))
			found := scan.New(set, rules, time.Now).Read(t.Context())
			found.Judge(ledger.Memory{}, 10)
			looked := func(key string) bool {
				return slices.ContainsFunc(found.Worst, func(c policy.Case) bool { return c.Path == tflock.NewPath("states", junk.shared+key) })
			}
			if len(found.Worst) != 10 || !looked("production/a.tfstate") || !looked("staging/b.tfstate") || !looked("a-team/00") {
				t.Errorf("%d are looked at: production %v, staging %v, the oldest of the others %v", len(found.Worst), looked("production/a.tfstate"), looked("staging/b.tfstate"), looked("a-team/00"))
			}
			var ranks []int
			all := map[tflock.Path]int{}
			for c := range found.Locks() {
				ranks = append(ranks, scan.Rank(c.Verdict))
				all[c.Path]++
			}
			if !slices.IsSorted(ranks) || len(ranks) != 42 || len(all) != 42 {
				t.Errorf("%d locks on %d paths, by rank %v", len(ranks), len(all), ranks)
			}
		})
	}
}
