package monitor_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ci answers what is asked of it at once, or never.
type ci struct {
	hangs bool
	asked []string // sessions
}

func (c *ci) Ask(ctx context.Context, locks []run.Named) []*policy.Run {
	if c.hangs {
		<-ctx.Done()
	}
	for _, l := range locks {
		c.asked = append(c.asked, l.Session)
	}
	return make([]*policy.Run, len(locks))
}

// forgetful remembers no automatic release.
type forgetful struct{ *ledger.AutoReleases }

func (forgetful) Recall(context.Context) (ledger.AutoMemory, error) { return ledger.AutoMemory{}, nil }

func locksOf(verdicts map[string]policy.Verdict) *scan.Scan {
	found := &scan.Scan{}
	for path, verdict := range verdicts {
		found.Worst = append(found.Worst, policy.Case{
			Lock: tflock.Lock{Path: tflock.Path(path), ID: "x"}, Judgement: policy.Judgement{Verdict: verdict}, Witness: &policy.Witness{Session: path},
		})
	}
	return found
}

// Nobody is asked about the run of a lock that is neither stuck nor may be released
// automatically, nor of what cannot be read as a lock.
func TestOnlyStuckLocksAndThoseThatMayBeReleasedAskForTheirRuns(t *testing.T) {
	verdicts := map[string]policy.Verdict{
		"b/app/stuck": policy.Stuck, "b/app/fresh": policy.Fresh, "b/app/unreadable": policy.Unreadable,
		"b/auto/stuck": policy.Stuck, "b/auto/fresh": policy.Fresh, "b/auto/unreadable": policy.Unreadable,
	}
	selected, err := policy.ParseSelection("b/auto/**")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		auto policy.Selection
		want []string
	}{
		"automatic release is off": {policy.Selection{}, []string{"b/app/stuck", "b/auto/stuck"}},
		"it selects a prefix":      {selected, []string{"b/app/stuck", "b/auto/fresh", "b/auto/stuck"}},
	} {
		t.Run(name, func(t *testing.T) {
			system := &ci{}
			m := &monitor.Monitor{AutoReleases: forgetful{}, Log: slog.New(slog.DiscardHandler), Runs: &evidence.Runs{Open: func(context.Context) (evidence.Opened, error) {
				return evidence.Opened{Asker: system, Auto: policy.AutoRules{Locks: tc.auto}}, nil
			}}}
			m.AskRuns(t.Context(), locksOf(verdicts))
			if slices.Sort(system.asked); !slices.Equal(system.asked, tc.want) {
				t.Errorf("asked about %q, want %q", system.asked, tc.want)
			}
		})
	}
}

// Ten seconds a scan in all: the settings, the tags and the CI systems share them.
func TestQuestionsAboutRunsTakeTenSecondsAScan(t *testing.T) {
	for name, open := range map[string]func(ctx context.Context) error{
		"the settings come late": func(context.Context) error { time.Sleep(8 * time.Second); return nil },
		"they never come":        func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"they cannot be read":    func(context.Context) error { return errors.New("access denied") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				system := &ci{hangs: true}
				m := &monitor.Monitor{AutoReleases: forgetful{}, Log: slog.New(slog.DiscardHandler), Runs: &evidence.Runs{Open: func(ctx context.Context) (evidence.Opened, error) {
					return evidence.Opened{Asker: system}, open(ctx)
				}}}
				began := time.Now()
				m.AskRuns(t.Context(), locksOf(map[string]policy.Verdict{"b/x": policy.Stuck}))
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
