package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// everything is what may be pruned.
const everything = "branches/**"

func composer() alert.Composer {
	return alert.Composer{Account: "123456789012", Region: local.Region, PruneFunction: "prune"}
}

var quiet = slog.New(slog.DiscardHandler)

func newMonitor(w *world, cfg aws.Config) (*monitor.Monitor, error) {
	set, err := w.open(cfg)
	if err != nil {
		return nil, err
	}
	topic, meter := w.channels(cfg)
	memory := w.memory(cfg)
	return &monitor.Monitor{
		Ledger: memory.Notifications, Released: memory.Releases, Witnesses: memory.Witnesses, AutoReleases: memory.AutoReleases, Composer: composer(), Topic: topic, Meter: meter,
		Releases:    unlock.Finisher{Releases: memory.Releases, Composer: composer(), Topic: topic, Meter: meter, Guard: releaseGuard, Log: quiet},
		Scanner:     scan.New(set, w.rules(), w.now),
		RemindEvery: 4 * time.Hour, Now: w.now, Log: quiet,
	}, nil
}

func runMonitor(ctx context.Context, w *world, cfg aws.Config, _ string) (string, error) {
	m, err := newMonitor(w, cfg)
	if err != nil {
		return "", err
	}
	report, err := m.Run(ctx)
	word := map[bool]string{true: "complete", false: "incomplete"}[report.Complete]
	return fmt.Sprintf("%s: %d held, %d stuck, %d unreadable", word, report.Held, report.Stuck, report.Unreadable), err
}

// memory is the ledger, with one client for all of it.
func (w *world) memory(cfg aws.Config) wiring.Ledger {
	return wiring.OpenLedger(dynamodb.NewFromConfig(cfg), w.Ledger)
}

// channels are where a function notifies and measures.
func (w *world) channels(cfg aws.Config) (*alert.Topic, *metric.Publisher) {
	return alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), metric.NewPublisher(cfg, "Chaos")
}

func (w *world) rules() policy.Rules {
	return policy.Rules{Thresholds: policy.Thresholds{Default: w.stuckAfter}, ReleaseGuard: releaseGuard}
}

// unlockRequest names a lock by its ID, and by its path where there is one.
type unlockRequest struct {
	id, path string
	text     string // in place of both: what somebody pastes that shows them
	force    bool
}

// payload is what the function gets.
func (r unlockRequest) payload() string {
	if r.text != "" {
		r.id, r.path = r.text, ""
	}
	return fmt.Sprintf(`{"lock_id":%q,"path":%q,"reason":"chaos","requested_by":"me","force":%t}`, r.id, r.path, r.force)
}

// namedPath is the path that a release names, or empty.
func (w *world) namedPath() string {
	if key := settings[w.scene].path; key != "" {
		return string(w.Path(key))
	}
	return ""
}

func runUnlockNamed(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	return runUnlock(ctx, w, cfg, unlockRequest{id: namedID, path: w.namedPath()}, requestID)
}

func runUnlock(ctx context.Context, w *world, cfg aws.Config, r unlockRequest, requestID string) (string, error) {
	request, err := unlock.ParseRequest([]byte(r.payload()))
	if err != nil {
		return "", err
	}
	u, err := newUnlocker(w, cfg)
	if err != nil {
		return "", err
	}
	a, err := u.Run(ctx, request, requestID)
	outcome := string(a.Outcome)
	if strings.Contains(a.Message, "cannot be read") {
		outcome += ", and something cannot be read"
	}
	for _, step := range a.NextSteps {
		if strings.HasPrefix(step, "Repeat the same call") && a.Outcome == unlock.Released {
			outcome += ", and to be repeated"
		}
	}
	return outcome, err
}

func newUnlocker(w *world, cfg aws.Config) (*unlock.Unlocker, error) {
	set, err := w.open(cfg)
	topic, meter := w.channels(cfg)
	memory := w.memory(cfg)
	return &unlock.Unlocker{
		Stores: set, Memory: memory.Notifications, Releases: memory.Releases, Witnesses: memory.Witnesses, AutoReleases: memory.AutoReleases, Composer: composer(), Topic: topic, Meter: meter,
		Rules: w.rules(), Now: w.now, Log: quiet,
	}, err
}

func pruner(w *world, cfg aws.Config, paths string, after time.Duration) (*prune.Pruner, error) {
	globs, err := policy.ParsePaths(paths)
	if err != nil {
		return nil, err
	}
	set, err := w.open(cfg)
	if err != nil {
		return nil, err
	}
	topic, meter := w.channels(cfg)
	prunes := w.memory(cfg).Prunes
	return &prune.Pruner{
		Stores: set, Records: prunes, Bookmark: prunes, Composer: composer(), Topic: topic, Meter: meter,
		Rules: prune.Rules{Paths: globs, After: after, OwnBucket: w.BucketARN}, Now: w.now, Log: quiet,
	}, nil
}

func runPrune(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	p, err := pruner(w, cfg, everything, 30*24*time.Hour)
	if err != nil {
		return "", err
	}
	report, err := p.Run(ctx, prune.Request{}, requestID)
	if len(report.Errors) > 0 {
		return "errors", errors.Join(err, errors.New(strings.Join(report.Errors, "; ")))
	}
	return fmt.Sprintf("pruned %d, kept %d", len(report.Pruned), len(report.Kept)), err
}

func runRestore(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	p, err := pruner(w, cfg, everything, 30*24*time.Hour)
	if err != nil {
		return "", err
	}
	a, err := p.Restore(ctx, w.Path(restored), requestID)
	return string(a.Outcome), err
}
