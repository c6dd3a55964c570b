// Command console is the Lambda behind the dashboard's custom widget.
package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	wiring.LockSettings
	Unlock string `env:"UNLOCK_FUNCTION_ARN,notEmpty"`
	Prune  string `env:"PRUNE_FUNCTION_ARN"`
	Repair string `env:"REPAIR_FUNCTION_ARN"`
	Report string `env:"REPORT_BUCKET"` // its name
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
	c := &console.Console{
		Scanner: scan.New(parts.Stores, parts.Rules, time.Now),
		Ledger:  parts.Ledger.Notifications, Witnesses: parts.Ledger.Witnesses, AutoReleases: parts.Ledger.AutoReleases, Unlock: s.Unlock, Prune: s.Prune, Weeks: parts.Ledger.Reports,
		Repair: s.Repair,
	}
	if s.Report != "" {
		inBuckets, err := wiring.ForReports(parts.AWS())
		if err != nil {
			return nil, err
		}
		c.Reports = backend.NewFiles(inBuckets, s.Report)
	}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		call, _ := lambdacontext.FromContext(ctx)
		return c.Reply(ctx, event, call.InvokedFunctionArn)
	}, nil
}
