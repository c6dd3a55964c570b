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
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// function is one that is tried. A new one is one more of these.
type function struct {
	name string
	// invoke runs it once over that AWS. It gives what the answer says became of it, in a
	// word; an answer that owns to an error is one.
	invoke func(ctx context.Context, w *world, cfg aws.Config, requestID string) (outcome string, err error)
	// wanted is the outcome when nothing goes wrong.
	wanted string
	// wantedIn is that in scenes where it is another.
	wantedIn map[scene]string
	// repeated says that Lambda repeats a failed invocation, with the same request ID.
	repeated bool
	// tells is what people must have heard in the end: an event's type and its path.
	tells []string
	// again is how much later the next run comes, of itself or since somebody asks again.
	again time.Duration
	// heals is how many of them in a row make good what a failure left undone; 0: one.
	heals int
	// honest says what an answer claims that is not so. Only answers without an error
	// claim something.
	honest func(w *world, c contents, outcome string) []string
	// ends says what is not as this function must leave it in the end.
	ends func(w *world, c contents) []string
}

var functions = []function{
	{
		name: "monitor", invoke: watch, wanted: "complete: 2 held, 2 stuck, 1 unreadable", again: 5 * time.Minute, heals: 2,
		wantedIn: map[scene]string{archived: "complete: 2 held, 2 stuck, 2 unreadable"},
		honest: func(_ *world, c contents, outcome string) []string {
			var held, stuck, unreadable int
			_, err := fmt.Sscanf(outcome, "complete: %d held, %d stuck, %d unreadable", &held, &stuck, &unreadable)
			return when(err != nil || held+unreadable < c.paths(), "no error, and yet not every lock was seen: "+outcome)
		},
		tells: []string{"lock.stuck " + named, "lock.unreadable " + foreign, "lock.resolved " + gone, "scan.recovered spare"},
		ends: func(w *world, c contents) []string {
			heard, err := w.heard()
			return when(err != nil || w.scene == archived && heard["lock.unreadable "+away] == 0, "alert lost: nobody heard of the archived lock").
				and(!c.remembers("lock", w.Path(other)), "the ledger does not know a lock that is held").
				and(c.remembers("lock", w.Path(named)) != w.holds(c, named), "the ledger does not know whether the named lock is held").
				and(c.remembers("lock", w.Path(gone)), "the ledger still knows a lock that is gone")
		},
	},
	{
		name: "unlock", invoke: release, wanted: "released", again: 2 * time.Minute, tells: []string{"lock.released " + named},
		honest: func(w *world, c contents, outcome string) []string {
			there := w.holds(c, named)
			return when(strings.HasPrefix(outcome, "released") && there, "it says released, and the lock is there").
				and(outcome == "not_found" && there, "it says not found, and the lock is there").
				and(outcome == "changed", "it says that another lock is there now, and none is")
		},
		ends: func(w *world, c contents) []string {
			return when(w.holds(c, named), "the named lock is still there").
				and(!c.remembers("release", w.Path(named)), "the release is not on record").
				and(!strings.Contains(c.record("release", w.Path(named)), `"finished":true`), "the release is on record as not finished").
				and(c.remembersMark("unfinished", w.Path(named)), "a release remains to be finished")
		},
	},
	{
		name: "prune", invoke: sweep, wanted: "pruned 1, kept 1", repeated: true, again: 7 * 24 * time.Hour,
		wantedIn: map[scene]string{crowd: "pruned 7, kept 1"},
		honest: func(_ *world, c contents, outcome string) []string {
			return when(strings.Contains(fmt.Sprint(c.locks), ours), "it reports success, and left its lock").
				and(strings.HasPrefix(outcome, "pruned 1") && !c.deleted[empty], "it says pruned, and the state is there")
		},
		tells: []string{"prune.report " + empty, "prune.report " + full, "prune.report " + untold},
		ends: func(w *world, c contents) []string {
			return when(!c.deleted[empty], "the stale, empty state is still there").
				and(!c.remembers("pruned", w.Path(empty)), "the prune is not on record").
				and(c.unreported() > 0, "the ledger believes that a prune was not told")
		},
	},
	{
		name: "restore", invoke: restore, wanted: "restored", again: time.Hour,
		honest: func(_ *world, c contents, outcome string) []string {
			return when(outcome == "restored" && c.deleted[restored], "it says restored, and the state is not there")
		},
		ends: func(w *world, c contents) []string {
			return when(c.deleted[restored], "the state was not restored").
				and(c.remembers("pruned", w.Path(restored)), "the ledger lists a restored state as pruned")
		},
	},
}

// everything is what may be pruned.
const everything = "branches/**"

func composer() alert.Composer {
	return alert.Composer{Account: "123456789012", Region: local.Region}
}

func notifications(w *world, cfg aws.Config) *ledger.Notifications {
	return ledger.NewNotifications(dynamodb.NewFromConfig(cfg), w.Ledger)
}

func releases(w *world, cfg aws.Config) *ledger.Releases {
	return ledger.NewReleases(dynamodb.NewFromConfig(cfg), w.Ledger)
}

var quiet = slog.New(slog.DiscardHandler)

func watch(ctx context.Context, w *world, cfg aws.Config, _ string) (string, error) {
	set, err := w.open(cfg)
	if err != nil {
		return "", err
	}
	m := &monitor.Monitor{
		Ledger: notifications(w, cfg), Released: releases(w, cfg), Composer: composer(),
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Chaos"),
		Releases:    unlock.Finisher{Releases: releases(w, cfg), Composer: composer(), Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Chaos"), Log: quiet},
		Scanner:     scan.New(set, policy.Rules{Thresholds: policy.Thresholds{Default: w.stuckAfter}, ReleaseGuard: 10 * time.Minute}, w.now),
		RemindEvery: 4 * time.Hour, Now: w.now, Log: quiet,
	}
	report, err := m.Run(ctx)
	word := map[bool]string{true: "complete", false: "incomplete"}[report.Complete]
	return fmt.Sprintf("%s: %d held, %d stuck, %d unreadable", word, report.Held, report.Stuck, report.Unreadable), err
}

func release(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	return releaseOf(ctx, w, cfg, namedID, requestID, false)
}

func releaseOf(ctx context.Context, w *world, cfg aws.Config, id, requestID string, force bool) (string, error) {
	request, err := unlock.ParseRequest([]byte(fmt.Sprintf(`{"lock_id":%q,"reason":"chaos","requested_by":"me","force":%t}`, id, force)))
	if err != nil {
		return "", err
	}
	set, err := w.open(cfg)
	if err != nil {
		return "", err
	}
	u := &unlock.Unlocker{
		Stores: set, Memory: notifications(w, cfg), Releases: releases(w, cfg), Composer: composer(),
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Chaos"),
		Rules: policy.Rules{Thresholds: policy.Thresholds{Default: w.stuckAfter}, ReleaseGuard: 10 * time.Minute}, Now: w.now, Log: quiet,
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

func pruner(w *world, cfg aws.Config, paths string, after time.Duration) (*prune.Pruner, error) {
	globs, err := policy.ParsePaths(paths)
	if err != nil {
		return nil, err
	}
	set, err := w.open(cfg)
	if err != nil {
		return nil, err
	}
	prunes := ledger.NewPrunes(dynamodb.NewFromConfig(cfg), w.Ledger)
	return &prune.Pruner{
		Stores: set, Records: prunes, Bookmark: prunes, Composer: composer(),
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Chaos"),
		Rules: prune.Rules{Paths: globs, After: after, OwnBucket: w.BucketARN}, Now: w.now, Log: quiet,
	}, nil
}

func sweep(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
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

func restore(ctx context.Context, w *world, cfg aws.Config, requestID string) (string, error) {
	p, err := pruner(w, cfg, everything, 30*24*time.Hour)
	if err != nil {
		return "", err
	}
	a, err := p.Restore(ctx, w.Path(restored), requestID)
	return string(a.Outcome), err
}
