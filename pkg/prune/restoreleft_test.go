package prune_test

import (
	"context"
	"errors"
	"log/slog"
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

// A restore loses its table when it has the lock object, which it cannot release then. Somebody repeats it a minute later, when everything answers again:
// that lock is in the way. The next prune finds and releases it all the same.
func TestALockThatARestoreLeftIsFoundAlsoAfterAnotherOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const key = "team/branches/one.tfstate"
		w.put(key, local.State(t, "destroyed"))
		if _, err := w.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(insideBucket), Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
		first, err := w.restore(key, "first", func(input any) error {
			in, reads := input.(*dynamodb.GetItemInput)
			if writtenRow(input) != "" || reads && *in.TableName == "locks" && w.has(key+".tflock") {
				return errors.New("the table does not answer")
			}
			return nil
		})
		if err == nil || !w.has(key+".tflock") {
			t.Fatalf("%+v, %v", first, err)
		}
		time.Sleep(time.Minute)
		if again, err := w.restore(key, "again", nothing); err != nil || again.Outcome != prune.Refused {
			t.Errorf("%+v, %v", again, err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if _, err := w.run("next", nothing); err != nil {
			t.Error(err)
		}
		if w.has(key + ".tflock") {
			t.Error("a lock of ours is left, and nobody looks for it")
		}
	})
}

func (w insideWorld) restore(key, id string, fails func(input any) error) (prune.Answer, error) {
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
	return p.Restore(ctx, tflock.NewPath(insideBucket, key), id)
}
