//go:build !race

package prune_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Two runs are under way, as Lambda may deliver one event twice. The first deletes a state and cannot release its lock; the second has examined that state before, and
// finds the lock in its way. The next run finds what the first one left, and releases it.
func TestALockThatIsLeftIsFoundAlsoAfterARunBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const key = "team/branches/one.tfstate"
		w.put(key, local.State(t, "destroyed"))
		time.Sleep(month)
		examined, left := make(chan struct{}), make(chan struct{})
		var runs sync.WaitGroup
		runs.Go(func() {
			defer close(left)
			released := false
			_, err := w.run("request", func(input any) error {
				switch in := input.(type) {
				case *dynamodb.PutItemInput:
					if records(in) {
						<-examined
					}
				case *dynamodb.DeleteItemInput:
					if *in.TableName == "locks" && !strings.HasSuffix(writtenRow(in), "-md5") {
						if released {
							return errors.New("the table is throttled")
						}
						released = true // which shows that locks can be
					}
				}
				return nil
			})
			if err == nil || w.has(key) {
				t.Errorf("the first run: %v; the state is there: %v", err, w.has(key))
			}
		})
		runs.Go(func() {
			var once sync.Once
			_, err := w.run("request", func(input any) error {
				if in, is := input.(*dynamodb.PutItemInput); is && records(in) {
					once.Do(func() { close(examined); <-left })
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
		if rows := w.rows(); len(rows) > 0 || w.has(key+".tflock") {
			t.Errorf("a lock of ours is left, and nobody looks for it: rows %q, object %v", rows, w.has(key+".tflock"))
		}
	})
}

// records reports whether a call records what a run is about to do to a state.
func records(in *dynamodb.PutItemInput) bool {
	return *in.TableName == "ledger" && strings.HasPrefix(aws.ToString(in.ConditionExpression), "attribute_not_exists(#of)")
}
