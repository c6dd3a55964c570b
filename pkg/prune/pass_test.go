//go:build !race

package prune_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

func (w insideWorld) prunes() *ledger.Prunes {
	return ledger.NewPrunes(dynamodb.NewFromConfig(w.config), "ledger")
}

// A bucket has so many other objects that its listing takes longer than a run. Runs go on with it where the one before stopped, and examine each
// state once; those for which there was no time before that place come after the rest.
func TestAListingThatTakesLongerThanARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const states = 200
		var empty []string
		for i := range states {
			key, content := fmt.Sprintf("%c-team/branches/%03d.tfstate", "aaz"[i%3], i), "applied"
			if i%50 == 0 {
				content, empty = "destroyed", append(empty, key)
			}
			w.put(key, local.State(t, content))
		}
		for i := range 25_000 {
			w.put(fmt.Sprintf("logs/branches/%05d.tflock", i), nil)
		}
		time.Sleep(month)
		runs, stopped := 0, true
		for ; stopped && runs < 12; runs++ {
			report, err := w.run(fmt.Sprint("run ", runs), func(input any) error {
				switch in := input.(type) {
				case *s3.ListObjectsV2Input:
					time.Sleep(20 * time.Second)
				case *s3.GetObjectInput:
					if strings.HasSuffix(*in.Key, ".tfstate") {
						time.Sleep(100 * time.Second) // of 32 at once: some hundred in a run
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			stopped = report.StoppedEarly
		}
		recorded, err := w.prunes().Runs(t.Context())
		if n, partial := ledger.Abandoned(recorded); err != nil || runs < 3 || n != states-len(empty) || partial || w.hasAny(empty) {
			t.Errorf("after %d runs %d are abandoned, partial %v, %v; empty ones are there: %v", runs, n, partial, err, w.hasAny(empty))
		}
	})
}

// One team has more stale states than a run can hold. What others have is pruned in each run, and the report does not say that this was all.
func TestMoreStatesThanARunCanHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		long := strings.Repeat("x", 900)
		for i := range 36_000 {
			w.put(fmt.Sprintf("a-team/branches/%s%05d.tfstate", long, i), local.State(t, "applied"))
		}
		others := []string{"0-team/branches/x.tfstate", "b-team/branches/x.tfstate", "b-team/branches/y.tfstate"}
		for run := range 2 {
			for _, key := range others {
				w.put(key, local.State(t, "destroyed"))
			}
			time.Sleep(month)
			report, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				if in, reads := input.(*s3.GetObjectInput); reads && strings.HasPrefix(*in.Key, "a-team/") {
					time.Sleep(10 * time.Second)
				}
				return nil
			})
			if err != nil || w.hasAny(others) || !report.StoppedEarly {
				t.Errorf("run %d: %d examined, stopped early %v, %v; states of others are there: %v", run, report.Examined, report.StoppedEarly, err, w.hasAny(others))
			}
		}
	})
}

// A pass found more states to stay than are remembered. The next run begins another one.
func TestAPassOfVeryManyStatesEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		for i := range 400 {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		many := ledger.Mark{Pass: ledger.Pass{Name: "pass", Stay: make([]uint64, 260_000)}}
		for i := range many.Pass.Stay {
			many.Pass.Stay[i] = uint64(i)
		}
		if err := w.prunes().SetMark(t.Context(), many); err != nil {
			t.Fatal(err)
		}
		w.most = 4000 // bytes of records: some states
		for run, goesOn := range []bool{false, true} {
			report, err := w.run(fmt.Sprint("run ", run), nothing)
			mark, markErr := w.prunes().Mark(t.Context())
			if err != nil || markErr != nil || !report.StoppedEarly || len(report.Pruned) == 0 || (mark.Pass.Name != "") != goesOn {
				t.Errorf("run %d: %d pruned, stopped early %v, %v; the pass that goes on is %q, %v", run, len(report.Pruned), report.StoppedEarly, err, mark.Pass.Name, markErr)
			}
		}
	})
}

// Listing takes longer than a run, and each run sees more states than a pass remembers. What comes last in the listing is pruned all the same.
func TestAPassThatEndsInTheMidstOfItsListing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const last = "z-team/branches/x.tfstate"
		w.put(last, local.State(t, "destroyed"))
		w.put("a-team/branches/x.tfstate", local.State(t, "applied"))
		for i := range 25_000 {
			w.put(fmt.Sprintf("logs/branches/%05d.tflock", i), nil)
		}
		time.Sleep(month)
		for run := 0; w.has(last); run++ {
			mark, err := w.prunes().Mark(t.Context())
			if err != nil || run == 3 {
				t.Fatalf("it is there after %d runs, %v", run, err)
			}
			mark.Pass.Name, mark.Pass.Stay = fmt.Sprint("pass ", run), make([]uint64, 260_000)
			for i := range mark.Pass.Stay {
				mark.Pass.Stay[i] = uint64(i)
			}
			if err := w.prunes().SetMark(t.Context(), mark); err != nil {
				t.Fatal(err)
			}
			if _, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				if _, lists := input.(*s3.ListObjectsV2Input); lists {
					time.Sleep(20 * time.Second)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A state that a pass kept is written again, and stale again, before that pass is over: it is examined again.
func TestAStateThatIsStaleAgainInOnePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const kept = "b-team/branches/x.tfstate"
		w.put(kept, local.State(t, "applied"))
		for i := range 400 {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		w.most = 4000
		report, err := w.run("run 0", nothing)
		if err != nil || !report.StoppedEarly || report.Abandoned != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		w.put(kept, local.State(t, "destroyed"))
		time.Sleep(month)
		if report, err := w.run("run 1", nothing); err != nil || !report.StoppedEarly || w.has(kept) {
			t.Errorf("%+v, %v; it is there: %v", report, err, w.has(kept))
		}
	})
}

// A run could not release a lock, took none of the states after it, and had no time for others. The next ones of its pass take those too.
func TestStatesThatWaitForTheNextRunOfAPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const stuck = "a-team/branches/x.tfstate"
		var others []string
		for i := range 200 {
			others = append(others, fmt.Sprintf("%03d-team/branches/x.tfstate", i))
		}
		for _, key := range append(others, stuck) {
			w.put(key, local.State(t, "destroyed"))
		}
		for i := range 400 {
			w.put(fmt.Sprintf("b-team/branches/%03d.tfstate", i), local.State(t, "applied"))
		}
		time.Sleep(month)
		for run := range 2 {
			report, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				switch in := input.(type) {
				case *s3.GetObjectInput:
					if strings.HasPrefix(*in.Key, "b-team/") {
						time.Sleep(100 * time.Second)
					}
				case *dynamodb.DeleteItemInput:
					if strings.HasSuffix(writtenRow(in), stuck) {
						return &types.TransactionConflictException{}
					}
					time.Sleep(2 * time.Second)
				}
				return nil
			})
			if there := w.hasAny(others); there != (run == 0) || run == 0 && (err == nil || !report.StoppedEarly) {
				t.Errorf("run %d: stopped early %v, %v; states of others are there: %v", run, report.StoppedEarly, err, there)
			}
		}
	})
}

// Fewer states wait for their locks than are handled at once, until there is no time left: the report does not say that this was all.
func TestARunWithoutTimeForAllLocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const states = 30
		for i := range states {
			w.put(fmt.Sprintf("a-team/branches/%02d.tfstate", i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		report, err := w.run("run", func(input any) error {
			if _, puts := input.(*dynamodb.PutItemInput); puts && strings.Contains(writtenRow(input), "/branches/") {
				time.Sleep(40 * time.Second)
				return &types.TransactionConflictException{}
			}
			return nil
		})
		if err != nil || !report.StoppedEarly || report.Examined == 0 || report.Examined == states {
			t.Errorf("%d examined, stopped early %v, %v", report.Examined, report.StoppedEarly, err)
		}
	})
}

// A state of one team was locked in the first run of a pass, which a team with slow locks keeps from its end. It is pruned in the next run, and what a third
// team has abandoned is reported again in the ninth at the latest.
func TestAPassThatIsKeptFromItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const locked = "b-team/branches/x.tfstate"
		w.slowTeam(2500, func(int) string { return "a-team/branches/" }, []string{"/./", "/././", "/.//", "//", "///"})
		w.put(locked, local.State(t, "destroyed"))
		w.put("c-team/branches/abandoned.tfstate", local.State(t, "applied"))
		time.Sleep(month)
		if _, err := w.calls(t.Context(), "PutItem", &dynamodb.PutItemInput{TableName: aws.String("locks"), Item: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: insideBucket + "/" + locked},
			"Info":   &types.AttributeValueMemberS{Value: `{"ID":"5b3a0f7e-6d0b-4e7c-9a53-000000000000","Operation":"OperationTypePlan","Who":"ci@runner","Version":"1.5.7","Created":"2026-01-01T00:00:00Z","Path":"` + insideBucket + "/" + locked + `"}`},
		}}); err != nil {
			t.Fatal(err)
		}
		reported := 0
		for run := range 9 {
			report, err := w.run(fmt.Sprint("run ", run), slowRows)
			if err != nil || !report.StoppedEarly || w.has(locked) != (run == 0) {
				t.Fatalf("run %d: stopped early %v, %v; it is there: %v", run, report.StoppedEarly, err, w.has(locked))
			}
			reported += report.Abandoned
			if _, err := w.calls(t.Context(), "DeleteItem", &dynamodb.DeleteItemInput{TableName: aws.String("locks"), Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: insideBucket + "/" + locked}}}); err != nil {
				t.Fatal(err)
			}
		}
		recorded, err := w.prunes().Runs(t.Context())
		if n, _ := ledger.Abandoned(recorded); err != nil || n != 1 || reported != 2 {
			t.Errorf("the abandoned state was reported %d times in nine runs, and the last pass has %d, %v", reported, n, err)
		}
	})
}

// The message of a run that had no time for all states cannot be published: the next one examines the same states again, so that people hear of them.
func TestAMessageOfAPassThatCannotBePublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		w.put("b-team/branches/abandoned.tfstate", local.State(t, "applied"))
		for i := range 400 {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		w.most = 4000
		for run, abandoned := range []int{1, 1, 0} {
			report, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				if _, publishes := input.(*sns.PublishInput); publishes && run == 0 {
					return errors.New("no answer")
				}
				return nil
			})
			if (err != nil) != (run == 0) || !report.StoppedEarly || report.Abandoned != abandoned {
				t.Errorf("run %d: %d abandoned, stopped early %v, %v", run, report.Abandoned, report.StoppedEarly, err)
			}
			time.Sleep(time.Hour)
		}
	})
}

// One of three buckets does not answer. What the others have is pruned in each run, and the report says so of that one.
func TestABucketThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		others := []string{"a-team/branches/x.tfstate", "b-team/branches/x.tfstate"}
		for run := range 2 {
			for _, key := range others {
				w.put(key, local.State(t, "destroyed"))
			}
			time.Sleep(month)
			report, err := w.runIn([][2]string{{"first", "a-team/"}, {"hangs", "-"}, {"last", "b-team/"}}, "*/branches/**", fmt.Sprint("run ", run), func(input any) error {
				if in, asks := input.(*s3.GetBucketVersioningInput); asks && *in.Bucket == "hangs" {
					time.Sleep(40 * time.Second)
				}
				return nil
			})
			if err != nil || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "hangs") || w.hasAny(others) {
				t.Errorf("run %d: errors %q, %v; states of others are there: %v", run, report.Errors, err, w.hasAny(others))
			}
		}
	})
}
