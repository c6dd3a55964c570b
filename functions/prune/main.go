// Command prune is the scheduled Lambda that deletes stale, empty states, and brings one
// back on request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/widget"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	wiring.Settings
	Paths     string  `env:"PRUNE_PATHS"` // empty: none
	AfterDays float64 `env:"PRUNE_AFTER_DAYS" envDefault:"30"`
	Mode      string  `env:"PRUNE_MODE" envDefault:"delete"` // or "report"
	Dashboard wiring.Dashboard

	WithoutDigest bool   `env:"PRUNE_WITHOUT_DIGEST"`
	OwnBucket     string `env:"BACKEND_BUCKET_ARN"` // empty: the stack made none
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	rules, err := s.rules()
	if err != nil {
		return nil, err
	}
	parts, err := s.Open()
	if err != nil {
		return nil, err
	}
	composer := alert.Composer{Version: version.Current, Account: s.Account, Region: parts.Region, Dashboard: s.Dashboard.URL(parts.Region)}
	if s.Dashboard.Stack != "" { // outside of AWS the name is that of the program
		composer.PruneFunction = lambdacontext.FunctionName
	}
	p := &prune.Pruner{
		Stores: parts.Stores, Records: parts.Ledger.Prunes, Bookmark: parts.Ledger.Prunes, Composer: composer, Topic: parts.Topic(), Meter: parts.Meter,
		Rules: rules, Now: time.Now, Log: slog.Default(),
	}
	return widget.Serve(func(ctx context.Context, payload json.RawMessage, at *widget.Context) (any, error) {
		request, err := prune.ParseRequest(payload)
		if err != nil {
			return nil, err
		}
		call, ok := lambdacontext.FromContext(ctx)
		if !ok {
			call = &lambdacontext.LambdaContext{}
		}
		switch {
		case request.Restore != "" && at != nil && at.Refresh:
			return prune.Answer{Outcome: prune.Refused, Path: request.Restore}, widget.ErrRefresh
		case request.Restore != "":
			return p.Restore(ctx, request.Restore, call.AwsRequestID)
		case at != nil:
			return console.DryRun(ctx, p, parts.Ledger.Prunes, call.AwsRequestID, call.InvokedFunctionArn)
		default:
			return run(ctx, p, request, call.AwsRequestID)
		}
	}, console.Pruned), nil
}

// run prunes. A failed invocation has no payload, so a line of the log is the answer then.
// Its states have a line each, and all of them in one would be more than a log takes.
func run(ctx context.Context, p *prune.Pruner, request prune.Request, id string) (prune.Report, error) {
	report, err := p.Run(ctx, request, id)
	if err != nil {
		report.Pruned, report.Kept = nil, nil
		slog.ErrorContext(ctx, "prune failed", "report", report)
	}
	return report, err
}

// rules reads the settings that a prune decides by. Its error names all that is wrong.
func (s settings) rules() (prune.Rules, error) {
	paths, err := policy.ParsePaths(s.Paths)
	errs := []error{err}
	if !(s.AfterDays >= 0 && s.AfterDays <= math.MaxInt16) { // NaN is not
		errs = append(errs, fmt.Errorf("PRUNE_AFTER_DAYS is %v: it must be a number of days from 0, for example 30", s.AfterDays))
	}
	if s.Mode != "delete" && s.Mode != "report" {
		errs = append(errs, fmt.Errorf("PRUNE_MODE is %q: it must be delete or report", s.Mode))
	}
	after := time.Duration(s.AfterDays * 24 * float64(time.Hour))
	return prune.Rules{
		Paths: paths, After: after, ReportOnly: s.Mode == "report", WithoutDigest: s.WithoutDigest, OwnBucket: s.OwnBucket,
	}, errors.Join(errs...)
}
