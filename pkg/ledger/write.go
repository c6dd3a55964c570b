package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// batch is DynamoDB's limit of writes in one call; writers bounds the calls at once.
const (
	batch   = 25
	writers = 8
)

// write puts and deletes rows, each key once, in as few calls as DynamoDB takes, as they
// come. After the first error, of a row or of a call, no other call begins; those under way go on, since what
// comes first is to be recorded first.
func (t table) write(ctx context.Context, requests iter.Seq2[types.WriteRequest, error]) error {
	var group errgroup.Group
	group.SetLimit(writers)
	var failed atomic.Bool
	var part []types.WriteRequest
	send := func() {
		full := part
		part = nil
		group.Go(func() error {
			err := t.writeBatch(ctx, full)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	for request, err := range requests {
		if err != nil || ctx.Err() != nil || failed.Load() {
			return errors.Join(err, group.Wait())
		}
		if part = append(part, request); len(part) == batch {
			send()
		}
	}
	if len(part) > 0 {
		send()
	}
	return group.Wait()
}

func (t table) writeBatch(ctx context.Context, requests []types.WriteRequest) error {
	err := repeated(ctx, requests, func(requests []types.WriteRequest) ([]types.WriteRequest, error) {
		out, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{t.name: requests},
		})
		if err != nil {
			return nil, err
		}
		return out.UnprocessedItems[t.name], nil
	})
	if err != nil {
		return fmt.Errorf("record in the ledger %s: %w", t.name, err)
	}
	return nil
}

// repeated repeats a batch call with the requests that it left unprocessed: DynamoDB does as
// many as it can, and the SDK does not repeat the others.
func repeated[T any](ctx context.Context, requests []T, call func([]T) (unprocessed []T, err error)) error {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		unprocessed, err := call(requests)
		if err != nil || len(unprocessed) == 0 {
			return err
		}
		requests = unprocessed
		select {
		case <-ctx.Done():
			return fmt.Errorf("throttled: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}
