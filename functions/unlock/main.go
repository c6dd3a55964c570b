// Command unlock is the Lambda by which on-call releases one named lock.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/widget"
	"github.com/lockwarden/lockwarden/pkg/wiring"
	"github.com/lockwarden/lockwarden/pkg/wiring/runs"
)

type settings struct {
	wiring.Settings
	Dashboard wiring.Dashboard
	Runs      runs.Name
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
	composer := alert.Composer{Version: version.Current, Account: s.Account, Region: parts.Region, UnlockFunction: lambdacontext.FunctionName, Dashboard: s.Dashboard.URL(parts.Region)}
	u := &unlock.Unlocker{
		Stores: parts.Stores, Memory: parts.Ledger.Notifications, Releases: parts.Ledger.Releases, Witnesses: parts.Ledger.Witnesses, Composer: composer, Topic: parts.Topic(), Meter: parts.Meter,
		Rules: parts.Rules, Now: time.Now, Log: slog.Default(),
	}
	u.Runs, u.AutoReleases = s.Runs.Open(parts.AWS()), parts.Ledger.AutoReleases
	return widget.Serve(func(ctx context.Context, payload json.RawMessage, at *widget.Context) (unlock.Answer, error) {
		request, err := unlock.ParseRequest(payload)
		if err != nil {
			return unlock.Answer{}, err
		}
		if request, err = console.Signed(request, at); err != nil {
			return unlock.Answer{Outcome: unlock.Refused}, err
		}
		requestID := ""
		if call, ok := lambdacontext.FromContext(ctx); ok {
			requestID = call.AwsRequestID
		}
		return u.Run(ctx, request, requestID)
	}, console.Released), nil
}
