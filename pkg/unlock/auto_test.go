package unlock_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

func TestTheLockOfACancelledRunGoesByItselfAndALivingOneStays(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/dead", "1")
	p.take("env/alive", "2")
	p.take("other/dead", "1") // AutoRelease does not select it
	p.ends("1", minute)
	p.lives("2")
	p.scans(5*minute, 10*minute) // within the guard after its end
	if got := p.published(); len(got) > 0 {
		t.Fatalf("published %q", got)
	}
	p.scans(12*minute, 17*minute) // the two scans after it
	if got, want := p.held(), []string{"env/alive id-env-alive [dynamodb s3]", "other/dead id-other-dead [dynamodb s3]"}; !slices.Equal(got, want) {
		t.Errorf("held %q: %q", got, p.outcomes)
	}
	if got, want := p.published(), []string{"lock.release_planned", "lock.released"}; !slices.Equal(got, want) {
		t.Errorf("published %q", got)
	}
	messages, err := server.Published(p.Topic)
	if err != nil {
		t.Fatal(err)
	}
	if text := messages[len(messages)-1].Texts["email"]; !strings.Contains(text, "lockwarden-auto") || !strings.Contains(text, "https://github.example.com/acme/infra/actions/runs/1") || !strings.Contains(text, "its run ended") {
		t.Errorf("the mail says\n%s", text)
	}
	if text := messages[0].Texts["email"]; !strings.Contains(text, "will be released automatically at") || !strings.Contains(text, "lockwarden:keep") || !strings.Contains(text, `"keep":true`) {
		t.Errorf("the plan says\n%s", text)
	}
}

// Whatever changes between the plan and the release stops it.
func TestAChangeAfterThePlanStopsTheRelease(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *pipeline){
		"the tag that keeps it":  func(p *pipeline) { p.tag("env/x", map[string]string{"run": "gh-1-1", "lockwarden:keep": ""}) },
		"another tag":            func(p *pipeline) { p.tag("env/x", map[string]string{"run": "gh-1-1", "owner": "ada"}) },
		"the run lives again":    func(p *pipeline) { p.lives("1") },
		"the run ended later":    func(p *pipeline) { p.ends("1", 2*minute) },
		"nobody knows the run":   func(p *pipeline) { p.github.Refuse(http.StatusNotFound) },
		"a state is there":       func(p *pipeline) { p.state("env/x") },
		"another lock object":    func(p *pipeline) { p.unlockObject("env/x"); p.Lock("env/x", idOf("env/x"), p.Set.Buckets[0]) },
		"another lock in a row":  func(p *pipeline) { p.unlockRow("env/x"); p.Lock("env/x", "another", p.Set.Tables[0]) },
		"one half less":          func(p *pipeline) { p.unlockRow("env/x") },
		"AutoRelease is off":     func(p *pipeline) { p.rules.Locks = policy.Selection{} },
		"AutoRelease is report":  func(p *pipeline) { p.rules.Mode = policy.AutoReport },
		"somebody asked to keep": func(p *pipeline) { p.keep("env/x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			p.scans(12 * minute)
			before := len(p.held())
			change(p)
			p.scans(17 * minute)
			if got := p.held(); len(got) < before || p.invoked > 0 {
				t.Errorf("held %q after %d invocations: %q", got, p.invoked, p.outcomes)
			}
		})
	}
}

// The unlock function takes no shortcut: whoever names himself lockwarden-auto gets
// nothing that was not planned, claimed, and still holds.
func TestUnlockJudgesEverythingAgain(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	ask := func(after time.Duration) string {
		t.Helper()
		if _, err := (releaser{p, after}).Release(p.Context(), string(p.Path("env/x")), idOf("env/x"), "its run ended"); err != nil {
			t.Fatal(err)
		}
		return p.outcomes[len(p.outcomes)-1]
	}
	if said := ask(12 * minute); !strings.HasPrefix(said, "refused") || !strings.Contains(said, "no release of it was planned") {
		t.Error(said)
	}
	p.scans(13 * minute)
	if said := ask(14 * minute); !strings.HasPrefix(said, "refused") || !strings.Contains(said, "not claimed") {
		t.Error(said)
	}
	p.scans(15 * minute) // the refusal voided the plan
	if got := p.published(); !slices.Equal(got, []string{"lock.refused", "lock.release_planned", "lock.refused", "lock.release_planned"}) {
		t.Errorf("published %q", got)
	}
	if _, err := unlock.ParseRequest([]byte(`{"lock_id":"x","path":"a/b","reason":"r","requested_by":"lockwarden-auto","force":true}`)); err == nil {
		t.Error("it may use force")
	}
	p.lives("1")
	if said := ask(20 * minute); !strings.HasPrefix(said, "refused") || !strings.Contains(said, "its run is in progress") {
		t.Error(said)
	}
}

func TestReportModeReleasesNothingAndSaysSoOnce(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoReport)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12*minute, 17*minute, 22*minute)
	p.ends("1", 2*minute)
	p.scans(27 * minute)
	messages, err := server.Published(p.Topic)
	if err != nil || len(messages) != 1 || p.invoked > 0 || len(p.held()) != 1 {
		t.Fatalf("%d messages, %d invocations, held %q, %v", len(messages), p.invoked, p.held(), err)
	}
	if text := messages[0].Texts["email"]; strings.Contains(text, "will be released") || !strings.Contains(text, "could be released automatically") {
		t.Errorf("it promises a release:\n%s", text)
	}
}

func TestTheBrakeStopsTheFourthReleaseOfAnHourAndSaysSoOnce(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	for i := range 5 {
		p.take(fmt.Sprintf("env/%d", i), fmt.Sprint(i+1))
		p.ends(fmt.Sprint(i+1), time.Duration(i+1)*time.Second)
	}
	p.scans(12*minute, 17*minute, 22*minute, 27*minute)
	if len(p.held()) != 2 || p.invoked != 3 {
		t.Errorf("held %q after %d invocations", p.held(), p.invoked)
	}
	paused := 0
	for _, kind := range p.published() {
		if kind == "auto.paused" {
			paused++
		}
	}
	if paused != 1 {
		t.Errorf("published %q", p.published())
	}
	p.scans(78 * minute) // an hour after the last release
	if len(p.held()) != 0 {
		t.Errorf("held %q: %q", p.held(), p.outcomes)
	}
}

// Somebody's wish that a lock stays is kept for as long as the lock is held, and not for the
// 35 days of a row.
func TestAWishThatALockStaysOutlivesItsRow(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.keep("env/x")
	const day = 24 * time.Hour
	for _, at := range []time.Duration{5 * day, 20 * day, 45 * day} {
		p.scans(at)
		if at >= 20*day && p.wishEnds().Before(p.began.Add(at+30*day)) {
			t.Errorf("after %d days the wish ends at %s, %s after the beginning", at/day, p.wishEnds(), p.wishEnds().Sub(p.began))
		}
	}
	if p.invoked > 0 || len(p.held()) != 1 {
		t.Errorf("%d invocations, held %q", p.invoked, p.held())
	}
	p.unlockRow("env/x")
	p.unlockObject("env/x")
	p.take("env/y", "1") // so that a scan asks at all
	p.scans(46 * day)
	if known, err := p.autoReleases().RecallLock(t.Context(), ledger.Key{Path: p.Path("env/x"), ID: idOf("env/x")}); err != nil || known.Keep != nil {
		t.Errorf("%+v of a lock that is gone, %v", known.Keep, err)
	}
}

// A lock that somebody wants to stay may be younger than the scan that does not see it.
func TestAWishOfThisMinuteIsNotForgotten(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/z", "1")
	p.ends("1", minute)
	p.keep("env/z") // 13 minutes after the beginning
	p.unlockRow("env/z")
	p.unlockObject("env/z")
	p.take("env/y", "1") // so that a scan asks at all
	known := func() *ledger.Keep {
		t.Helper()
		auto, err := p.autoReleases().RecallLock(t.Context(), ledger.Key{Path: p.Path("env/z"), ID: idOf("env/z")})
		if err != nil {
			t.Fatal(err)
		}
		return auto.Keep
	}
	if p.scans(12 * minute); known() == nil {
		t.Error("a scan that began before the wish forgot it")
	}
	if p.scans(14 * minute); known() != nil {
		t.Error("it is remembered of a lock that is gone")
	}
}

func TestTwoMonitorsInvokeOnce(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12 * minute)
	p.lost = true
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { _ = p.scanAt(17 * minute) })
	}
	group.Wait()
	if p.invoked != 1 {
		t.Errorf("%d invocations", p.invoked)
	}
	p.scans(22 * minute)
	if p.invoked != 1 || len(p.held()) != 0 {
		t.Errorf("%d invocations, held %q", p.invoked, p.held())
	}
}

func TestARunInProgressIsRefusedAndForceOverrides(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoReport)
	p.take("env/x", "1")
	p.lives("1")
	for _, tc := range []struct {
		more string
		want unlock.Outcome
	}{{"", unlock.Refused}, {`,"dry_run":true`, unlock.Refused}, {`,"force":true,"dry_run":true`, unlock.WouldRelease}, {`,"force":true`, unlock.Released}} {
		a, err := p.unlocker(time.Hour).Run(p.Context(), request(p.world, idOf("env/x"), tc.more), "request")
		if err != nil || a.Outcome != tc.want || a.Lock.Run == nil || a.Lock.Run.Status != policy.RunInProgress || a.Lock.Evidence.Liveness != policy.PossiblyLive {
			t.Fatalf("%s: %+v, %v", tc.more, a, err)
		}
		if tc.want == unlock.Refused && !strings.Contains(a.Message, "its run is in progress") {
			t.Error(a.Message)
		}
	}
}

// witness says that one session took every lock.
type witness string

func (s witness) AddTo(_ context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
	for i := range cases {
		cases[i].AddWitness(&policy.Witness{Principal: "AWS:AROAEXAMPLE:" + string(s), Session: string(s), TakenAt: time.Now()})
	}
	return nil, nil
}

func TestTheSessionThatTookALockNamesItsRun(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoReport)
	p.lives("7")
	p.ends("8", 30*minute) // the parallel tests below may take their locks late
	for key, tc := range map[string]struct {
		session string
		tags    map[string]string
		status  policy.RunStatus
		outcome unlock.Outcome
	}{
		"in progress":                 {"gh-1-7-1", nil, policy.RunInProgress, unlock.Refused},
		"ended":                       {"gh-1-8", nil, policy.RunEnded, unlock.WouldRelease},
		"ended, and its tag's is not": {"gh-1-8", map[string]string{"run": "gh-1-7"}, policy.RunInProgress, unlock.Refused},
		"nobody knows it":             {"gh-1-9", nil, policy.RunUnknown, unlock.WouldRelease},
		"it is a person":              {"ada@example.com", nil, "", unlock.WouldRelease},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			key := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(key)
			p.Lock(key, "id-"+key, p.Set.Buckets[0])
			if tc.tags != nil {
				p.tag(key, tc.tags)
			}
			u := p.unlocker(time.Hour)
			u.Witnesses = witness(tc.session)
			a, err := u.Run(t.Context(), request(p.world, "id-"+key, `,"dry_run":true`), "request")
			if err != nil || a.Outcome != tc.outcome {
				t.Fatalf("%+v, %v", a, err)
			}
			if (a.Lock.Run == nil) != (tc.status == "") || (a.Lock.Run != nil && a.Lock.Run.Status != tc.status) {
				t.Errorf("its run is %+v", a.Lock.Run)
			}
		})
	}
}
