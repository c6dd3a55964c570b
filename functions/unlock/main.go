// Command unlock is the Lambda by which on-call releases one named lock.
package main

import (
	"context"
	"encoding/json"
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
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// settings are the function's environment. Durations are Go's, above zero.
type settings struct {
	Tables       []string      `env:"TABLE_ARNS"`
	Buckets      []string      `env:"BUCKET_ARNS"`
	Account      string        `env:"ACCOUNT_ID,notEmpty"`
	Ledger       string        `env:"LEDGER_TABLE,notEmpty"`
	Topic        string        `env:"TOPIC_ARN,notEmpty"`
	Namespace    string        `env:"METRIC_NAMESPACE,notEmpty"`
	StuckAfter   time.Duration `env:"STUCK_AFTER" envDefault:"30m"`
	Overrides    string        `env:"STUCK_AFTER_OVERRIDES"`
	ReleaseGuard time.Duration `env:"RELEASE_GUARD" envDefault:"10m"`
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

func wire(ctx context.Context) (func(context.Context, json.RawMessage) (unlock.Answer, error), error) {
	s, err := env.ParseAs[settings]()
	if err != nil {
		return nil, err
	}
	overrides, err := policy.ParseOverrides(s.Overrides)
	errs := []error{err}
	if s.ReleaseGuard <= 0 || s.StuckAfter <= 0 {
		errs = append(errs, fmt.Errorf("RELEASE_GUARD is %s and STUCK_AFTER is %s: both must be above zero, for example 10m", s.ReleaseGuard, s.StuckAfter))
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	errs = append(errs, err)
	set, err := backend.Open(cfg, s.Tables, s.Buckets)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	composer := alert.Composer{Account: s.Account, Region: cfg.Region, UnlockFunction: lambdacontext.FunctionName}
	u := &unlock.Unlocker{
		Stores: set, Composer: composer,
		Ledger:     ledger.NewTable(dynamodb.NewFromConfig(cfg), s.Ledger),
		Topic:      alert.NewTopic(sns.NewFromConfig(cfg), s.Topic, composer),
		Meter:      metric.NewPublisher(cfg, s.Namespace),
		Thresholds: policy.Thresholds{Default: s.StuckAfter, Overrides: overrides},
		Guard:      s.ReleaseGuard, Now: time.Now, Log: slog.Default(),
	}
	return func(ctx context.Context, payload json.RawMessage) (unlock.Answer, error) {
		request, err := unlock.ParseRequest(payload)
		if err != nil {
			return unlock.Answer{}, err
		}
		requestID := ""
		if call, ok := lambdacontext.FromContext(ctx); ok {
			requestID = call.AwsRequestID
		}
		return u.Run(ctx, request, requestID)
	}, nil
}
