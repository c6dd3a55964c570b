package witness

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// locks reads what a created lock object said; false where that can no longer be known.
type locks interface {
	Read(ctx context.Context, bucket, key, versionID, etag string) (tflock.Info, bool, error)
}

// records keeps events, each as often as it comes.
type records interface {
	Record(ctx context.Context, e ledger.ObjectEvent) error
}

// Witness is the dependencies of one batch.
type Witness struct {
	Locks   locks
	Records records
	Log     *slog.Logger
}

// reserve is what is kept of an invocation's time to answer: a message that hangs is then
// one that failed, and takes none of the others with it.
const reserve = 3 * time.Second

// Run records the events of a batch, side by side. Each message that failed is in the
// answer, so that SQS delivers it again, and no other.
func (w *Witness) Run(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/4)))
		defer cancel()
	}
	failed := make([]error, len(batch.Records))
	var group sync.WaitGroup
	for i, message := range batch.Records {
		group.Go(func() { failed[i] = w.message(ctx, message.Body) })
	}
	group.Wait()
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, message := range batch.Records {
		if failed[i] != nil {
			w.Log.ErrorContext(ctx, "an event was not recorded", "message_id", message.MessageId, "error", failed[i])
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return answer, nil
}

// message records the events of one message. One that fails does not stop the others.
func (w *Witness) message(ctx context.Context, body string) error {
	found, err := Parse(body)
	errs := []error{err}
	for _, e := range found {
		errs = append(errs, w.record(ctx, e))
	}
	return errors.Join(errs...)
}

// maxField bounds what a lock's holder wrote, in characters.
const maxField = 256

func (w *Witness) record(ctx context.Context, e Event) error {
	if !e.Removed {
		info, known, err := w.Locks.Read(ctx, e.Bucket, e.Key, e.Version, e.ETag)
		if err != nil {
			return err
		}
		if known {
			e.LockID, e.Operation, e.Who = tflock.BoundedID(info.ID), plain.Line(info.Operation, maxField), plain.Line(info.Who, maxField)
		}
	}
	return w.Records.Record(ctx, e.ObjectEvent)
}
