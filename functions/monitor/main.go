// Command monitor is the scheduled Lambda that scans for stuck locks.
package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/wiring"
	"github.com/lockwarden/lockwarden/pkg/wiring/runs"
)

type settings struct {
	wiring.Settings
	RemindEvery    time.Duration   `env:"REMIND_EVERY" envDefault:"4h"`
	ScanEvery      wiring.Interval `env:"SCAN_EVERY" envDefault:"5 minutes"`
	UnlockFunction string          `env:"UNLOCK_FUNCTION"`
	Dashboard      wiring.Dashboard
	Runs           runs.Name
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	if err := wiring.Positive("REMIND_EVERY", s.RemindEvery); err != nil {
		return nil, err
	}
	parts, err := s.Open()
	if err != nil {
		return nil, err
	}
	composer := alert.Composer{Version: version.Current, Account: s.Account, Region: parts.Region, UnlockFunction: s.UnlockFunction, Dashboard: s.Dashboard.URL(parts.Region)}
	m := &monitor.Monitor{
		Scanner:      scan.New(parts.Stores, parts.Rules, time.Now),
		Ledger:       parts.Ledger.Notifications,
		Released:     parts.Ledger.Releases,
		Releases:     unlock.Finisher{Releases: parts.Ledger.Releases, Composer: composer, Topic: parts.Topic(), Meter: parts.Meter, Guard: parts.Rules.ReleaseGuard, Log: slog.Default()},
		Witnesses:    parts.Ledger.Witnesses,
		Runs:         s.Runs.Open(parts.AWS()),
		AutoReleases: parts.Ledger.AutoReleases,
		Releaser:     runs.NewReleaser(parts.AWS(), s.UnlockFunction),
		Composer:     composer,
		Topic:        parts.Topic(),
		Meter:        parts.Meter,
		RemindEvery:  s.RemindEvery,
		ScanEvery:    time.Duration(s.ScanEvery),
		Now:          time.Now,
		Log:          slog.Default(),
	}
	return func(ctx context.Context) (monitor.Report, error) {
		report, err := m.Run(ctx)
		if err != nil {
			// A failed invocation has no payload: this line is the answer then.
			slog.ErrorContext(ctx, "scan failed", "report", report)
		}
		return report, err
	}, nil
}
