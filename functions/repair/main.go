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
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/widget"
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
	return widget.Serve(func(ctx context.Context, payload json.RawMessage, at *widget.Context) (any, error) {
		request, err := repair.ParseRequest(payload)
		if err != nil {
			return nil, err
		}
		if request, err = console.SignedRepair(request, at); err != nil {
			return nil, err
		}
		call, ok := lambdacontext.FromContext(ctx)
		if !ok {
			call = &lambdacontext.LambdaContext{}
		}
		answer, err := r.Run(ctx, request, call.AwsRequestID)
		if at == nil {
			return answer, err
		}
		return console.Repairing{Request: request, Answer: answer, Self: call.InvokedFunctionArn}, err
	}, func(at widget.Context, answer any, err error) string {
		shown, _ := answer.(console.Repairing)
		return console.Repaired(at, shown, err)
	}), nil
}
