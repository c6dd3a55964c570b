// Command report is the scheduled Lambda that reports the week's locks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	Ledger    string          `env:"LEDGER_TABLE,notEmpty"`
	Topic     string          `env:"TOPIC_ARN,notEmpty"`
	Account   string          `env:"ACCOUNT_ID,notEmpty"`
	Reports   string          `env:"REPORT_BUCKET,notEmpty"` // name of the inventory's bucket
	AutoMode  policy.AutoMode `env:"AUTO_RELEASE_MODE"`      // empty: automatic release is off
	ScanEvery wiring.Interval `env:"SCAN_EVERY" envDefault:"5 minutes"`
	Dashboard wiring.Dashboard
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
	inTable, err := wiring.For(cfg, dynamodb.ServiceID)
	topics, problem := wiring.For(cfg, sns.ServiceID)
	measures, wrong := wiring.For(cfg, cloudwatch.ServiceID)
	inBuckets, faulty := wiring.ForReports(cfg)
	if err := errors.Join(err, problem, wrong, faulty); err != nil {
		return nil, err
	}
	files := backend.NewFiles(inBuckets, s.Reports)
	book := wiring.OpenLedger(dynamodb.NewFromConfig(inTable), s.Ledger)
	r := &report.Reporter{
		Scans: book.Notifications, ScanEvery: time.Duration(s.ScanEvery), History: book.History, Releases: book.Releases, Witnesses: book.Witnesses, Plans: book.AutoReleases, AutoMode: s.AutoMode,
		Prunes: book.Prunes, Reports: book.Reports,
		Findings: func(ctx context.Context) (io.ReadCloser, time.Time, error) {
			file, err := files.Read(ctx, inventory.FileFindings)
			return file.ReadCloser, file.Modified, err
		},
		Attempts: metric.NewAttempts(measures, s.Account),
		Composer: alert.Composer{Version: version.Current, Account: s.Account, Region: cfg.Region, Dashboard: s.Dashboard.URL(cfg.Region)},
		Topic:    alert.NewTopic(sns.NewFromConfig(topics), s.Topic), Now: time.Now, Log: slog.Default(),
	}
	return func(ctx context.Context, payload json.RawMessage) (alert.Week, error) {
		request, err := report.ParseRequest(payload)
		if err != nil {
			return alert.Week{}, err
		}
		requestID := ""
		if call, ok := lambdacontext.FromContext(ctx); ok {
			requestID = call.AwsRequestID
		}
		return r.Run(ctx, request, requestID)
	}, nil
}
