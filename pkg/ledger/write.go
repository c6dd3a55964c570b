package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
// come. It ends with the first error, of a row or of a call.
func (t table) write(ctx context.Context, requests iter.Seq2[types.WriteRequest, error]) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	var part []types.WriteRequest
	send := func() {
		full := part
		part = nil
		group.Go(func() error { return t.writeBatch(ctx, full) })
	}
	for request, err := range requests {
		if err != nil || ctx.Err() != nil {
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
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		out, err := t.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{t.name: requests},
		})
		if err != nil {
			return fmt.Errorf("record in the ledger %s: %w", t.name, err)
		}
		// DynamoDB takes what it can and hands the rest back; the SDK leaves that to us.
		if requests = out.UnprocessedItems[t.name]; len(requests) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("record in the ledger %s: throttled: %w", t.name, ctx.Err())
		case <-time.After(pause):
		}
	}
}
