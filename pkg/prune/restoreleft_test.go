package prune_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// restored is the key of the state.
const restored = "team/branches/one.tfstate"

// A restore loses its table when it has the lock object, which it cannot release then. Somebody repeats it a minute later, when everything answers again:
// that lock is in the way. The next prune finds and releases it all the same.
func TestALockThatARestoreLeftIsFoundAlsoAfterAnotherOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		w.put(restored, local.State(t, "destroyed"))
		if _, err := w.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(insideBucket), Key: aws.String(restored)}); err != nil {
			t.Fatal(err)
		}
		first, err := w.restore("first", w.losesItsTable())
		if err == nil || !w.has(restored+tflock.Suffix) {
			t.Fatalf("%+v, %v", first, err)
		}
		time.Sleep(time.Minute)
		if again, err := w.restore("again", nothing); err != nil || again.Outcome != prune.Refused {
			t.Errorf("%+v, %v", again, err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if _, err := w.run("next", nothing); err != nil {
			t.Error(err)
		}
		if w.has(restored + tflock.Suffix) {
			t.Error("a lock of ours is left, and nobody looks for it")
		}
	})
}

// Two restores of a state are under way. The second has recorded what it is about to do when the first one ends, and leaves its own lock afterwards. The next
// prune finds and releases that.
func TestARestoreThatEndsForgetsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		w.put(restored, local.State(t, "destroyed"))
		if _, err := w.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(insideBucket), Key: aws.String(restored)}); err != nil {
			t.Fatal(err)
		}
		// Each says when it is about to take the lock, which comes after its record.
		locks := func(then func()) func(input any) {
			return func(input any) {
				if in, is := input.(*s3.PutObjectInput); is && *in.Key == restored+tflock.Suffix {
					then()
				}
			}
		}
		recorded, ended := make(chan struct{}), make(chan struct{})
		var second sync.WaitGroup
		start := sync.OnceFunc(func() {
			second.Go(func() {
				waits := locks(sync.OnceFunc(func() { close(recorded); <-ended }))
				loses := w.losesItsTable()
				if _, err := w.restore("second", func(input any) error {
					waits(input)
					return loses(input)
				}); err == nil || !w.has(restored+tflock.Suffix) {
					t.Errorf("the second restore: %v", err)
				}
			})
			<-recorded
		})
		begins := locks(start)
		if first, err := w.restore("first", func(input any) error { begins(input); return nil }); err != nil || first.Outcome != prune.Restored {
			t.Fatalf("the first restore: %+v, %v", first, err)
		}
		close(ended)
		second.Wait()
		time.Sleep(7 * 24 * time.Hour)
		if _, err := w.run("next", nothing); err != nil || w.has(restored+tflock.Suffix) {
			t.Errorf("%v; a lock of ours is left: %v", err, w.has(restored+tflock.Suffix))
		}
	})
}

// losesItsTable has an invocation lose the lock table once it has the lock object.
func (w insideWorld) losesItsTable() func(input any) error {
	return func(input any) error {
		in, reads := input.(*dynamodb.GetItemInput)
		if writtenRow(input) != "" || reads && *in.TableName == "locks" && w.has(restored+tflock.Suffix) {
			return errors.New("the table does not answer")
		}
		return nil
	}
}

func (w insideWorld) restore(id string, fails func(input any) error) (prune.Answer, error) {
	cfg := inprocess.RepeatedConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		if err := fails(input); err != nil {
			return nil, err
		}
		return w.calls(ctx, operation, input)
	})
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, []string{"arn:aws:s3:::" + insideBucket})
	if err != nil {
		w.Fatal(err)
	}
	p := &prune.Pruner{Stores: set, Records: ledger.NewPrunes(dynamodb.NewFromConfig(cfg), "ledger"), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(w.Context(), 15*time.Minute)
	defer cancel()
	return p.Restore(ctx, tflock.NewPath(insideBucket, restored), id)
}
