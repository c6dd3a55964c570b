package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// overdue is a lock whose run ended half an hour ago, and what nothing holds back.
func overdue() (policy.Case, policy.AutoCase) {
	ended := ago(30 * time.Minute)
	c := policy.Case{
		Lock: lock(ago(41*time.Minute), object(ago(40*time.Minute))), Seen: seenIn(ago(35*time.Minute), ago(45*time.Minute), "bucket"),
		State: policy.State{Written: ago(32 * time.Minute)},
		Run:   &policy.Run{Source: policy.GitHub, ID: "456", Status: policy.RunEnded, Ended: &ended, Detail: "cancelled", URL: "https://github.com/acme/infra/actions/runs/456"},
	}
	c.Judge(policy.Rules{Thresholds: policy.Thresholds{Default: 2 * time.Hour}, ReleaseGuard: 10 * time.Minute}, now)
	return c, policy.AutoCase{Tags: &policy.Tags{All: map[string]string{"run": "gh-1-456"}}, Alone: true}
}

func TestNothingHoldsBackALockWhoseRunIsKnownToBeOver(t *testing.T) {
	c, a := overdue()
	if reasons := c.HeldBack(a); len(reasons) > 0 || c.Verdict != policy.Fresh {
		t.Errorf("%s, held back: %q", c.Verdict, reasons)
	}
	c.State = policy.State{} // a run that died before it wrote one
	if reasons := c.HeldBack(a); len(reasons) > 0 {
		t.Errorf("held back: %q", reasons)
	}
}

// Each condition alone is enough to hold a lock back, and says so.
func TestEachConditionOfAutomaticReleaseHoldsALockBack(t *testing.T) {
	run := func(change func(r *policy.Run)) func(*policy.Case, *policy.AutoCase) {
		return func(c *policy.Case, _ *policy.AutoCase) {
			r := *c.Run
			change(&r)
			c.Run = &r
		}
	}
	for name, tc := range map[string]struct {
		change func(c *policy.Case, a *policy.AutoCase)
		reason string
	}{
		"no run is known":                {func(c *policy.Case, _ *policy.AutoCase) { c.Run = nil }, "no CI run is known"},
		"its run is in progress":         {run(func(r *policy.Run) { r.Status, r.Ended = policy.RunInProgress, nil }), "is in progress"},
		"its run is unknown":             {run(func(r *policy.Run) { r.Status, r.Ended = policy.RunUnknown, nil }), "is not known"},
		"its run has ended at no time":   {run(func(r *policy.Run) { r.Ended = nil }), "is not known"},
		"its run ended within the guard": {run(func(r *policy.Run) { at := ago(10 * time.Minute); r.Ended = &at }), "10m after that at the earliest"},
		"its run ends in the future":     {run(func(r *policy.Run) { at := ago(-time.Minute); r.Ended = &at }), "at the earliest"},
		"its state was written after it": {func(c *policy.Case, _ *policy.AutoCase) { c.State.Written = ago(29 * time.Minute) }, "after its run had ended"},
		"its state was written lately":   {func(c *policy.Case, _ *policy.AutoCase) { c.State.Written = ago(time.Minute) }, "after its run had ended"},
		"its state is not known":         {func(c *policy.Case, _ *policy.AutoCase) { c.State = policy.State{Problem: "timeout"} }, "timeout"},
		"its bucket is not watched": {func(c *policy.Case, _ *policy.AutoCase) {
			c.State = policy.State{Problem: "its bucket is not watched", Unwatched: true}
		}, "not watched"},
		"another lock is there":              {func(c *policy.Case, _ *policy.AutoCase) { c.Rivals = []string{"y"} }, "another lock is on the same state"},
		"not everything was read":            {func(_ *policy.Case, a *policy.AutoCase) { a.Alone = false }, "not everything could be read"},
		"its object has the tag":             {func(_ *policy.Case, a *policy.AutoCase) { a.Tags.All[policy.KeepTag] = "" }, policy.KeepTag},
		"its tags could not be read":         {func(_ *policy.Case, a *policy.AutoCase) { a.Tags.Problem = "AccessDenied" }, "AccessDenied"},
		"nobody asked for its tags":          {func(_ *policy.Case, a *policy.AutoCase) { a.Tags = nil }, "tags"},
		"somebody stopped it":                {func(_ *policy.Case, a *policy.AutoCase) { a.KeptBy = "ada" }, "ada asked to keep the lock"},
		"it is unreadable":                   {func(c *policy.Case, _ *policy.AutoCase) { c.Verdict = policy.Unreadable }, "cannot be read"},
		"it has a row that no scan has seen": {func(c *policy.Case, _ *policy.AutoCase) { c.HeldAtLeast, c.Unseen = 0, true }, "no scan has seen"},
		"it is not proven to be old enough":  {func(c *policy.Case, _ *policy.AutoCase) { c.HeldAtLeast = time.Minute }, "guard 10m"},
	} {
		t.Run(name, func(t *testing.T) {
			c, a := overdue()
			tc.change(&c, &a)
			if reasons := c.HeldBack(a); !strings.Contains(strings.Join(reasons, "\n"), tc.reason) || len(reasons) != 1 {
				t.Errorf("held back by %q", reasons)
			}
		})
	}
	if c, _ := overdue(); len(c.HeldBack(policy.AutoCase{})) != 2 {
		t.Errorf("nothing that is not known is assumed: %q", c.HeldBack(policy.AutoCase{}))
	}
}

func TestAChangeVoidsAPlan(t *testing.T) {
	c, a := overdue()
	planned := c.Basis(*a.Tags)
	if !planned.Same(c.Basis(policy.Tags{All: map[string]string{"run": "gh-1-456"}})) {
		t.Error("the same lock is another")
	}
	for name, change := range map[string]func(c *policy.Case, tags *policy.Tags){
		"its bytes":        func(c *policy.Case, _ *policy.Tags) { c.Holdings[0].Raw = "{}" },
		"its ETag":         func(c *policy.Case, _ *policy.Tags) { c.Holdings[0].ETag = "2" },
		"S3's time of it":  func(c *policy.Case, _ *policy.Tags) { c.Holdings[0].Modified = now },
		"its store":        func(c *policy.Case, _ *policy.Tags) { c.Holdings[0].Store = "other" },
		"another half":     func(c *policy.Case, _ *policy.Tags) { c.Holdings = append(c.Holdings, row) },
		"no half":          func(c *policy.Case, _ *policy.Tags) { c.Holdings = nil },
		"its run":          func(c *policy.Case, _ *policy.Tags) { c.Run.ID = "457" },
		"its run's system": func(c *policy.Case, _ *policy.Tags) { c.Run.Source = policy.GitLab },
		"its run's end":    func(c *policy.Case, _ *policy.Tags) { *c.Run.Ended = now },
		"its state":        func(c *policy.Case, _ *policy.Tags) { c.State.Written = now },
		"a tag's value":    func(_ *policy.Case, tags *policy.Tags) { tags.All["run"] = "gh-1-457" },
		"a tag more":       func(_ *policy.Case, tags *policy.Tags) { tags.All["owner"] = "ada" },
		"a tag less":       func(_ *policy.Case, tags *policy.Tags) { delete(tags.All, "run") },
	} {
		c, a := overdue()
		change(&c, a.Tags)
		if planned.Same(c.Basis(*a.Tags)) {
			t.Errorf("a change of %s is none", name)
		}
	}
}

// No sequence of times makes more than three invocations in any hour, and people are
// notified once for each pause.
func TestTheBrakeBoundsAutomaticReleases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var brake policy.Brake
		var made []time.Time
		at, paused := now, false
		for i, wait := range rapid.SliceOfN(rapid.IntRange(0, 90), 1, 60).Draw(t, "minutes between") {
			at = at.Add(time.Duration(wait) * time.Minute)
			var said policy.Braked
			brake, said = brake.Next(at)
			idle := len(made) == 0 || at.Sub(made[len(made)-1]) >= time.Hour
			switch {
			case said == policy.Go:
				if paused && !idle {
					t.Fatalf("%d: it goes on within an hour of the last one", i)
				}
				made, paused = append(made, at), false
			case said == policy.Pause && paused:
				t.Fatalf("%d: people are notified of one pause twice", i)
			case said == policy.Pause:
				paused = true
			case !paused:
				t.Fatalf("%d: it waits without a pause", i)
			}
			if idle && said != policy.Go {
				t.Fatalf("%d: an hour without one has passed, and it says %s", i, said)
			}
			if n := len(made); n > 3 && made[n-1].Sub(made[n-4]) < time.Hour {
				t.Fatalf("%d: four within an hour: %v", i, made[n-4:])
			}
		}
	})
}

func TestWhatIsKnownOfTheRunIsEvidence(t *testing.T) {
	ended := ago(20 * time.Minute)
	for name, tc := range map[string]struct {
		run     policy.Run
		written time.Time
		want    policy.Liveness
		reason  string
		may     bool
	}{
		"ended": {
			policy.Run{Source: policy.GitHub, ID: "456", Status: policy.RunEnded, Ended: &ended, Detail: "cancelled", URL: "https://x/1"},
			time.Time{},
			policy.RunOver,
			"its run ended 20m ago, at 2026-11-23 11:40 UTC (cancelled): GitHub run 456, https://x/1", true,
		},
		"ended, and the state was written since and lately": {policy.Run{Source: policy.GitHub, Status: policy.RunEnded, Ended: &ended}, ago(time.Minute), policy.PossiblyLive, "its run ended", false},
		"ended, and the state was written by it":            {policy.Run{Source: policy.GitHub, Status: policy.RunEnded, Ended: &ended}, ago(21 * time.Minute), policy.RunOver, "its run ended", true},
		"in progress": {
			policy.Run{Source: policy.GitLab, ID: "9", Status: policy.RunInProgress, Detail: "pending"},
			time.Time{},
			policy.PossiblyLive,
			"its run is in progress (pending): GitLab run 9", false,
		},
		"unknown": {
			policy.Run{Source: policy.EC2, ID: "i-1", Status: policy.RunUnknown, Detail: "EC2 did not answer in time"},
			time.Time{},
			policy.LikelyOrphan,
			"whether its run is over is not known (EC2 did not answer in time): EC2 instance i-1", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := judged(lock(ago(time.Hour), object(ago(time.Hour))), seenIn(ago(40*time.Minute), time.Time{}, "bucket"))
			c.Run, c.State.Written = &tc.run, tc.written
			e := c.Evidence()
			if e.Liveness != tc.want || !strings.Contains(fmt.Sprint(e.Reasons), tc.reason) {
				t.Errorf("%s: %q", e.Liveness, e.Reasons)
			}
			if may, why := c.MayRelease(); may != tc.may {
				t.Errorf("may be released: %v, %s", may, why)
			}
			if f := c.Describe(); f.Run == nil || f.Run.Status != tc.run.Status {
				t.Errorf("the lock's JSON has %+v", f.Run)
			}
		})
	}
}

// A run that lives is never the reason of a release, whatever else is known.
func TestNoLockIsReleasedAutomaticallyWhileItsRunIsInProgress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(name string) time.Time {
			return ago(time.Duration(rapid.IntRange(0, 300).Draw(t, name)) * time.Minute)
		}
		ended := minutes("ended")
		status := rapid.SampledFrom([]policy.RunStatus{policy.RunEnded, policy.RunInProgress, policy.RunUnknown}).Draw(t, "status")
		c := policy.Case{
			Lock:  lock(minutes("created"), object(minutes("taken"))),
			State: policy.State{Written: minutes("written")},
			Run:   &policy.Run{Source: policy.GitHub, ID: "1", Status: status, Ended: &ended},
		}
		if rapid.Bool().Draw(t, "row") {
			c.Holdings = append(c.Holdings, tflock.Holding{Kind: tflock.DynamoDB, Store: "table"})
			c.Seen = seenIn(minutes("seen"), time.Time{}, "table")
		}
		c.Judge(half, now)
		if reasons := c.HeldBack(policy.AutoCase{Tags: &policy.Tags{}, Alone: true}); len(reasons) == 0 {
			may, why := c.MayRelease()
			if status != policy.RunEnded || now.Sub(ended) <= half.ReleaseGuard || c.State.Written.After(ended) || c.Evidence().Liveness != policy.RunOver || !may {
				t.Fatalf("%s at %s, written %s, %v %s", status, ended, c.State.Written, may, why)
			}
		}
	})
}
