// Command monitor is the scheduled Lambda that scans for stuck locks.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/caarlos0/env/v11"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// settings are the function's environment. Durations are Go's, above zero.
type settings struct {
	Tables         []string      `env:"TABLE_ARNS"`
	Buckets        []string      `env:"BUCKET_ARNS"`
	Account        string        `env:"ACCOUNT_ID,notEmpty"`
	Ledger         string        `env:"LEDGER_TABLE,notEmpty"`
	Topic          string        `env:"TOPIC_ARN,notEmpty"`
	Namespace      string        `env:"METRIC_NAMESPACE,notEmpty"`
	StuckAfter     time.Duration `env:"STUCK_AFTER" envDefault:"30m"`
	Overrides      string        `env:"STUCK_AFTER_OVERRIDES"`
	RemindEvery    time.Duration `env:"REMIND_EVERY" envDefault:"4h"`
	ReleaseGuard   time.Duration `env:"RELEASE_GUARD" envDefault:"10m"`
	UnlockFunction string        `env:"UNLOCK_FUNCTION"`
	Dashboard      string        `env:"DASHBOARD_URL"`
}

func main() {
	slog.SetDefault(slog.New(lambdacontext.NewLogHandler()))
	handler, err := wire(context.Background())
	if err != nil {
		slog.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

func wire(ctx context.Context) (func(context.Context) (monitor.Report, error), error) {
	s, err := env.ParseAs[settings]()
	if err != nil {
		return nil, err
	}
	overrides, err := policy.ParseOverrides(s.Overrides)
	errs := []error{err}
	for name, d := range map[string]time.Duration{"STUCK_AFTER": s.StuckAfter, "REMIND_EVERY": s.RemindEvery, "RELEASE_GUARD": s.ReleaseGuard} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s is %s: it must be above zero, for example 30m", name, d))
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	errs = append(errs, err)
	set, err := backend.Open(cfg, s.Tables, s.Buckets)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}

	composer := alert.Composer{Account: s.Account, Region: cfg.Region, UnlockFunction: s.UnlockFunction, Dashboard: s.Dashboard}
	m := &monitor.Monitor{
		Ledger:   ledger.NewTable(dynamodb.NewFromConfig(cfg), s.Ledger),
		Composer: composer,
		Topic:    alert.NewTopic(sns.NewFromConfig(cfg), s.Topic, composer),
		Meter:    metric.NewPublisher(cfg, s.Namespace),
		Rules: monitor.Rules{
			Thresholds:   policy.Thresholds{Default: s.StuckAfter, Overrides: overrides},
			ReleaseGuard: s.ReleaseGuard, RemindEvery: s.RemindEvery,
		},
		Now: time.Now, Log: slog.Default(),
	}
	m.Watch(set)
	return func(ctx context.Context) (monitor.Report, error) {
		report, err := m.Run(ctx)
		if err != nil {
			// A failed invocation has no payload: this line is the answer then.
			slog.ErrorContext(ctx, "scan failed", "report", report)
		}
		return report, err
	}, nil
}
