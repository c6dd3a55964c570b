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

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Two runs are under way. The first deletes a state, gets no answer, and cannot read the history that would show it; the second has examined that state before, and finds
// it gone. The next run finds out that it was deleted, and reports it.
func TestADeleteWithoutAnAnswerIsReportedAlsoAfterARunBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const key = "team/branches/one.tfstate"
		w.put(key, local.State(t, "destroyed"))
		time.Sleep(month)
		examined, ended := make(chan struct{}), make(chan struct{})
		var runs sync.WaitGroup
		runs.Go(func() {
			defer close(ended)
			first := w
			first.calls = func(ctx context.Context, operation string, input any) (any, error) {
				out, err := w.calls(ctx, operation, input)
				if in, deletes := input.(*s3.DeleteObjectInput); deletes && *in.Key == key {
					return nil, errors.New("there is no answer")
				}
				return out, err
			}
			report, err := first.run("first", func(input any) error {
				switch in := input.(type) {
				case *dynamodb.PutItemInput:
					if records(in) {
						<-examined
					}
				case *s3.ListObjectVersionsInput:
					return errors.New("S3 is throttled")
				}
				return nil
			})
			if err != nil || len(report.Pruned) > 0 || w.has(key) {
				t.Errorf("the first run: %+v, %v; the state is there: %v", report, err, w.has(key))
			}
		})
		runs.Go(func() {
			var once sync.Once
			_, err := w.run("second", func(input any) error {
				if in, is := input.(*dynamodb.PutItemInput); is && records(in) {
					once.Do(func() { close(examined); <-ended })
				}
				return nil
			})
			if err != nil {
				t.Errorf("the second run: %v", err)
			}
		})
		runs.Wait()
		time.Sleep(7 * 24 * time.Hour)
		if _, err := w.run("next", nothing); err != nil {
			t.Error(err)
		}
		pruned, _, err := w.prunes().Recent(t.Context(), 10)
		if err != nil || len(pruned) != 1 || !pruned[0].Reported || !strings.HasSuffix(string(pruned[0].State.Path), key) {
			t.Errorf("the state is gone, and nobody was notified: on record as pruned is %+v, %v", pruned, err)
		}
	})
}
