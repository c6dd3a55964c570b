// Command inventory is the scheduled Lambda that describes every state, and says what is
// wrong with them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	wiring.Settings
	Paths     string `env:"STATE_PATHS" envDefault:"**/*.tfstate"`
	Reports   string `env:"REPORT_BUCKET,notEmpty"` // its name
	Dashboard wiring.Dashboard
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	paths, problem := policy.ParsePaths(s.Paths)
	if problem != nil {
		problem = fmt.Errorf("STATE_PATHS: %w", problem)
	}
	parts, err := s.Open()
	if err := errors.Join(problem, err); err != nil {
		return nil, err
	}
	inBuckets, err := wiring.ForReports(parts.AWS())
	if err != nil {
		return nil, err
	}
	i := &inventory.Inventory{
		Stores: parts.Stores, Files: backend.NewFiles(inBuckets, s.Reports), History: parts.Ledger.History, Writers: parts.Ledger.Witnesses, Own: parts.Ledger.Repairs,
		Composer: alert.Composer{Version: version.Current, Account: s.Account, Region: parts.Region, Dashboard: s.Dashboard.URL(parts.Region)},
		Topic:    parts.Topic(), Meter: parts.Meter, Paths: paths, Now: time.Now, Wait: inventory.Sleep, Log: slog.Default(),
	}
	return func(ctx context.Context, payload json.RawMessage) (inventory.Report, error) {
		request, err := inventory.ParseRequest(payload)
		if err != nil {
			return inventory.Report{}, err
		}
		return run(ctx, i, request)
	}, nil
}

// run makes an inventory. A failed invocation has no payload, so a line of the log is the
// answer then. The report has the findings, and all of them in one line would be more than a
// log takes.
func run(ctx context.Context, i *inventory.Inventory, request inventory.Request) (inventory.Report, error) {
	report, err := i.Run(ctx, request)
	if err != nil {
		report.Omitted += len(report.Findings)
		report.Findings = []policy.StateFinding{}
		slog.ErrorContext(ctx, "the inventory failed", "report", report)
	}
	return report, err
}
