package inventory_test

import (
	"context"
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
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// slowS3 takes 100 seconds for each state under team-a/, and for several of them at once as long as for one after the other: as a function
// does with its share of a CPU for states of gigabytes.
type slowS3 struct {
	scale.Direct
	turn chan struct{}
}

func (s slowS3) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".tfstate") && strings.Contains(r.URL.Path, "team-a/") {
		for range 100 {
			if err := s.second(r.Context()); err != nil {
				return nil, err
			}
		}
	}
	return s.Direct.Do(r)
}

// second takes a second of the CPU.
func (s slowS3) second(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.turn <- struct{}{}:
	}
	defer func() { <-s.turn }()
	return inventory.Sleep(ctx, time.Second)
}

// slowStates is an account in which team-a may write states that take their time, under a clock of its own.
type slowStates struct{ *account }

func withSlowStates(t *testing.T, test func(a slowStates)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := scale.Stock(0, 0)
		a := slowStates{accountOver(t, world, scale.Config(slowS3{scale.Direct{World: world}, make(chan struct{}, 1)}))}
		a.inventory.Wait = inventory.Sleep
		test(a)
	})
}

// put writes a state that manages one bucket.
func (a slowStates) put(key, bucket string) {
	object := fmt.Sprintf(`{"mode":"managed","type":"aws_s3_bucket","name":"x","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"attributes":{"arn":"arn:aws:s3:::%s"}}]}`, bucket)
	a.world.Buckets["states"].Put(key, stateOf(1, key, object), time.Now())
}

func (a slowStates) wrongDigest(key string) {
	a.world.Tables["locks"].Put(scale.Digest("states/"+key, "another"))
}

// inTime makes an inventory in the time of an invocation, which is not enough for all.
func (a slowStates) inTime() inventory.Report {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), 15*time.Minute)
	defer cancel()
	report, _ := a.inventory.Run(ctx, inventory.Request{}) // some states could not be read in time
	return report
}

func (a slowStates) finds(problem policy.Problem, key string) {
	a.Helper()
	report := a.inTime()
	if !slices.ContainsFunc(report.Findings, func(f policy.StateFinding) bool { return f.Path == tflock.Path("states/"+key) && f.Type == problem }) {
		a.Errorf("nobody learns of %s of %s", problem, key)
	}
}

// Whoever writes states of gigabytes that manage the same resource keeps nobody from learning of the duplicates of others.
func TestDuplicatesOfHugeStatesTakeNoTimeFromOthers(t *testing.T) {
	withSlowStates(t, func(a slowStates) {
		for i := range 12 { // a few of them are read in each run
			a.put(fmt.Sprintf("team-a/%d.tfstate", i), "team-a")
			if i%4 == 3 {
				a.inTime()
			}
		}
		a.put("team-b/0.tfstate", "team-b")
		a.put("team-b/1.tfstate", "team-b")
		for range 3 {
			a.finds(policy.FindingDuplicateResource, "team-b/0.tfstate")
		}
	})
}

// The same where their digests are wrong, so that each of them is looked at again.
func TestDigestsOfHugeStatesTakeNoTimeFromOthers(t *testing.T) {
	withSlowStates(t, func(a slowStates) {
		for i := range 12 {
			a.put(fmt.Sprintf("team-a/%d.tfstate", i), fmt.Sprint("team-a-", i))
			if i%4 == 3 {
				a.inTime()
			}
		}
		for i := range 12 {
			a.wrongDigest(fmt.Sprintf("team-a/%d.tfstate", i))
		}
		a.put("team-b/0.tfstate", "team-b")
		a.put("team-b/1.tfstate", "team-b")
		a.wrongDigest("team-b/1.tfstate")
		for range 3 {
			a.finds(policy.FindingDuplicateResource, "team-b/0.tfstate")
			a.finds(policy.FindingDigestMismatch, "team-b/1.tfstate")
		}
	})
}
