//go:build !race

package prune_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// besideKey is the key of the state that two runs have to do with.
const besideKey = "team/branches/one.tfstate"

// beside has two runs be under way, as Lambda may deliver one event twice. The second has examined the state when the first one deletes it, and goes on once that has
// ended. It returns what the first one said.
func (w insideWorld) beside(first insideWorld, fails func(input any) error) (report prune.Report, firstErr error) {
	w.Helper()
	w.put(besideKey, local.State(w, "destroyed"))
	time.Sleep(month)
	examined, ended := make(chan struct{}), make(chan struct{})
	var runs sync.WaitGroup
	runs.Go(func() {
		defer close(ended)
		report, firstErr = first.run("request", func(input any) error {
			if records(input) {
				<-examined
			}
			return fails(input)
		})
		if w.has(besideKey) {
			w.Error("the first run did not delete the state")
		}
	})
	runs.Go(func() {
		var once sync.Once
		_, err := w.run("request", func(input any) error {
			if records(input) {
				once.Do(func() { close(examined); <-ended })
			}
			return nil
		})
		if err != nil {
			w.Errorf("the second run: %v", err)
		}
	})
	runs.Wait()
	time.Sleep(7 * 24 * time.Hour)
	return report, firstErr
}

// records reports whether a call records what a run is about to do to a state.
func records(input any) bool {
	in, puts := input.(*dynamodb.PutItemInput)
	return puts && *in.TableName == "ledger" && strings.HasPrefix(aws.ToString(in.ConditionExpression), "attribute_not_exists(#of)")
}

// The first run cannot release its lock, and the second finds that in its way. The next run finds what the first one left, and releases it.
func TestALockThatIsLeftIsFoundAlsoAfterARunBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, released := inside(t), false
		_, err := w.beside(w, func(input any) error {
			in, deletes := input.(*dynamodb.DeleteItemInput)
			if !deletes || *in.TableName != "locks" || strings.HasSuffix(writtenRow(in), "-md5") {
				return nil
			}
			if released {
				return errors.New("the table is throttled")
			}
			released = true // which shows that locks can be
			return nil
		})
		if err == nil {
			t.Error("the first run released its lock")
		}
		if _, err := w.run("next", nothing); err != nil {
			t.Error(err)
		}
		if rows := w.rows(); len(rows) > 0 || w.has(besideKey+".tflock") {
			t.Errorf("a lock of ours is left, and nobody looks for it: rows %q, object %v", rows, w.has(besideKey+".tflock"))
		}
	})
}

// The first run gets no answer to its delete, and cannot read the history that would show it; the second finds the state gone. The next run finds out that it was
// deleted, and reports it.
func TestADeleteWithoutAnAnswerIsReportedAlsoAfterARunBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		first := w
		first.calls = func(ctx context.Context, operation string, input any) (any, error) {
			out, err := w.calls(ctx, operation, input)
			if in, deletes := input.(*s3.DeleteObjectInput); deletes && *in.Key == besideKey {
				return nil, errors.New("there is no answer")
			}
			return out, err
		}
		report, err := w.beside(first, func(input any) error {
			if _, reads := input.(*s3.ListObjectVersionsInput); reads {
				return errors.New("S3 is throttled")
			}
			return nil
		})
		if err != nil || len(report.Pruned) > 0 {
			t.Errorf("the first run: %+v, %v", report, err)
		}
		if _, err := w.run("next", nothing); err != nil {
			t.Error(err)
		}
		pruned, _, err := w.prunes().Recent(t.Context(), 10)
		if err != nil || len(pruned) != 1 || !pruned[0].Reported || !strings.HasSuffix(string(pruned[0].State.Path), besideKey) {
			t.Errorf("the state is gone, and nobody was notified: on record as pruned is %+v, %v", pruned, err)
		}
	})
}
