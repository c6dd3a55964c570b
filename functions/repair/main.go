// Command repair is the Lambda by which somebody repairs the digest of a state, or restores
// an older version of it.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	wiring.Settings
	Dashboard wiring.Dashboard
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	parts, err := s.Open()
	if err != nil {
		return nil, err
	}
	r := &repair.Repairer{
		Stores: parts.Stores, Records: parts.Ledger.Repairs, History: parts.Ledger.History,
		Composer: alert.Composer{Version: version.Current, Account: s.Account, Region: parts.Region, Dashboard: s.Dashboard.URL(parts.Region)},
		Topic:    parts.Topic(), Now: time.Now, Log: slog.Default(),
	}
	return func(ctx context.Context, payload json.RawMessage) (repair.Answer, error) {
		request, err := repair.ParseRequest(payload)
		if err != nil {
			return repair.Answer{}, err
		}
		call, ok := lambdacontext.FromContext(ctx)
		if !ok {
			call = &lambdacontext.LambdaContext{}
		}
		return r.Run(ctx, request, call.AwsRequestID)
	}, nil
}
