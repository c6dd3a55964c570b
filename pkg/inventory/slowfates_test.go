//go:build !race

package inventory_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// distant is an AWS that takes ten times as long for each call as a real one, so that a tenth of the findings is enough. A state under team-a/huge/ takes as long as there is.
type distant struct{ scale.Direct }

func (d distant) Do(r *http.Request) (*http.Response, error) {
	takes := 80 * time.Millisecond
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "team-a/huge/") {
		takes = 11 * time.Minute
	}
	if err := inventory.Sleep(r.Context(), takes); err != nil {
		<-r.Context().Done()
		return nil, err
	}
	return d.Direct.Do(r)
}

// Whoever has very many findings of which each run has to ask whether they are gone, and does not learn it, since somebody holds a lock,
// does not keep those of others from ending.
func TestFindingsOfOnePrefixDoNotKeepThoseOfOthersFromEnding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := scale.Stock(0, 0)
		a := slowStates{accountOver(t, world, scale.Config(distant{scale.Direct{World: world}}))}
		a.inventory.Wait = inventory.Sleep
		const many = 1200
		for i := range many {
			a.wrongDigest(fmt.Sprintf("team-a/%05d.tfstate", i)) // of no state
		}
		if report := a.inTime(); len(report.Findings)+report.Omitted != many {
			t.Fatalf("%d findings: %q", len(report.Findings)+report.Omitted, report.Errors)
		}
		a.wrongDigest("team-b/x.tfstate")
		a.finds(policy.FindingDigestOrphan, "team-b/x.tfstate")
		for i := range many {
			key := fmt.Sprintf("team-a/%05d.tfstate", i)
			world.Tables["locks"].Remove("states/" + key + "-md5")
			world.Buckets["states"].Put(key+".tflock", `{"ID":"x"}`, time.Now())
		}
		a.put("team-a/huge/x.tfstate", "team-a")
		world.Tables["locks"].Remove("states/team-b/x.tfstate-md5")
		for range 3 {
			report := a.inTime()
			if slices.ContainsFunc(report.Findings, func(f policy.StateFinding) bool { return f.Path == "states/team-b/x.tfstate" }) {
				t.Error("team-b's digest is gone, and nobody learns of it")
			}
		}
	})
}
