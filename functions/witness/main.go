// Command witness is the Lambda that records who took and who removed each lock object,
// from S3's event notifications.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/wiring"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

type settings struct {
	Ledger string `env:"LEDGER_TABLE,notEmpty"`
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	cfg, err := wiring.AWS()
	if err != nil {
		return nil, err
	}
	inBuckets, err := wiring.For(cfg, s3.ServiceID)
	inTable, problem := wiring.For(cfg, dynamodb.ServiceID)
	if err := errors.Join(err, problem); err != nil {
		return nil, err
	}
	w := &witness.Witness{
		Locks: backend.NewLockVersions(inBuckets), Records: ledger.NewWitnesses(dynamodb.NewFromConfig(inTable), s.Ledger), Log: slog.Default(),
	}
	return func(ctx context.Context, event json.RawMessage) (events.SQSEventResponse, error) {
		var batch events.SQSEvent
		if err := payload.Event(event, &batch); err != nil {
			return events.SQSEventResponse{}, err
		}
		return w.Run(ctx, batch)
	}, nil
}
