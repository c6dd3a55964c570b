package unlock_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// restored takes back what violated a condition, so that the lock can be released again.
var restored = map[string]func(p *pipeline){
	"its run is in progress":              func(p *pipeline) { p.ends("1", minute) },
	"its run is not known":                func(p *pipeline) { p.ends("1", minute) },
	"a table cannot be read":              func(p *pipeline) { p.watchAll() },
	"its object has the tag":              func(p *pipeline) { p.tag("env/x", map[string]string{"run": "gh-1-1"}) },
	"its tags cannot be read":             func(p *pipeline) { p.watchAll() },
	"its state is locked by another name": func(p *pipeline) { p.unlockRow("env//x") },
	"AutoRelease is emptied":              func(p *pipeline) { p.rules.Locks = everyEnv },
	"AutoRelease is report":               func(p *pipeline) { p.rules.Mode = policy.AutoRelease },
	"its stores are not watched":          func(p *pipeline) { p.watchAll() },
}

var everyEnv, _ = policy.ParseSelection("*/env/**")

// violation is what a change does to a lock that is planned.
func violation(name string) func(p *pipeline) {
	switch name {
	case "AutoRelease is emptied":
		return func(p *pipeline) { p.rules.Locks = policy.Selection{} }
	case "AutoRelease is report":
		return func(p *pipeline) { p.rules.Mode = policy.AutoReport }
	case "its stores are not watched":
		return func(p *pipeline) { p.Set = newWorld(p.T).Set }
	}
	return conditions[name].violate
}

func (p *pipeline) watchAll() { p.watch([]string{p.TableARN}, []string{p.BucketARN}) }

func (p *pipeline) watch(tables, buckets []string) {
	p.Helper()
	set, err := backend.Open(server.Config(), tables, buckets)
	if err != nil {
		p.Fatal(err)
	}
	p.Set = set
}

// What holds a planned lock back ends the plan, also when it goes again weeks later: people
// are then notified again, and the lock stays until the scan after that.
func TestAChangeThatGoesBackVoidsThePlan(t *testing.T) {
	t.Parallel()
	for name, restore := range restored {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			p.scans(12 * minute)
			violation(name)(p)
			_ = p.scanAt(17 * minute) // it fails where a table cannot be read
			restore(p)
			p.scans(22 * minute)
			if got := p.released(); p.invoked > 0 || slices.Contains(got, "lock.released") {
				t.Fatalf("it was released on the old plan: published %q, %q", got, p.outcomes)
			}
			p.scans(27 * minute)
			if got := p.released(); p.invoked != 1 || len(p.held()) != 0 || got[len(got)-1] != "lock.released" || got[len(got)-2] != "lock.release_planned" {
				t.Errorf("published %q, invoked %d times, held %q, %q", got, p.invoked, p.held(), p.outcomes)
			}
		})
	}
}

// released are the types of what was published about releases.
func (p *pipeline) released() []string {
	return slices.DeleteFunc(p.published(), func(kind string) bool { return !strings.HasPrefix(kind, "lock.release") })
}

// Where nobody scanned for long, nobody knows what happened meanwhile.
func TestAPlanDoesNotOutliveALongPauseOfTheMonitor(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12*minute, 3*time.Hour)
	if p.invoked > 0 {
		t.Fatalf("it was released on the old plan: %q", p.outcomes)
	}
	p.scans(3*time.Hour + 5*minute)
	if got := p.published(); p.invoked != 1 || len(p.held()) != 0 || strings.Count(strings.Join(got, " "), "lock.release_planned") != 2 {
		t.Errorf("published %q, invoked %d times, held %q", got, p.invoked, p.held())
	}
}

// A change that stays is notified of no more than it was, and so is one that comes and goes
// in report mode.
func TestAVoidedPlanIsNoFlood(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12 * minute)
	p.tag("env/x", map[string]string{"run": "gh-1-1", policy.KeepTag: ""})
	p.scans(17*minute, 22*minute, 27*minute)
	if got := p.published(); !slices.Equal(got, []string{"lock.release_planned"}) {
		t.Errorf("published %q", got)
	}
	report := newPipeline(t, policy.AutoReport)
	report.take("env/x", "1")
	report.ends("1", minute)
	report.scans(12 * minute)
	report.lives("1")
	report.scans(17 * minute)
	report.ends("1", minute)
	report.scans(22*minute, 27*minute)
	if got := report.published(); !slices.Equal(got, []string{"lock.release_planned"}) {
		t.Errorf("in report mode: published %q", got)
	}
}

// "Will be released at HH:MM or later" holds also where the schedule is delivered twice.
func TestALockIsNotReleasedBeforeTheTimeThatWasAnnounced(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12*minute, 12*minute+10*time.Second, 16*minute)
	if p.invoked > 0 || len(p.held()) != 1 {
		t.Fatalf("invoked %d times, held %q", p.invoked, p.held())
	}
	if said := p.said.String(); !strings.Contains(said, "its release was announced for "+policy.Clock(p.began.Add(16*minute+30*time.Second))+" or later") {
		t.Errorf("the log does not say why: %s", said)
	}
	p.scans(17*minute - time.Second) // a schedule is early at times
	if got := p.published(); p.invoked != 1 || len(p.held()) != 0 || !slices.Equal(got, []string{"lock.release_planned", "lock.released"}) {
		t.Errorf("published %q, invoked %d times, held %q, %q", got, p.invoked, p.held(), p.outcomes)
	}
}

// A row that an older version wrote names no time: it is the plan's own and ScanEvery.
func TestAPlanWithoutATimeWaitsForOneInterval(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.take("env/x", "1")
	p.ends("1", minute)
	p.scans(12 * minute)
	p.replan(func(plan *ledger.Plan) { plan.NotBefore = time.Time{} })
	p.scans(13 * minute)
	if p.invoked > 0 {
		t.Fatalf("it was released after a minute: %q", p.outcomes)
	}
	p.scans(18 * minute)
	if p.invoked != 1 || len(p.held()) != 0 {
		t.Errorf("invoked %d times, held %q, %q", p.invoked, p.held(), p.outcomes)
	}
}

// replan changes the plan of the lock on env/x, as it is in the ledger.
func (p *pipeline) replan(change func(plan *ledger.Plan)) {
	p.Helper()
	key := ledger.Key{Path: p.Path("env/x"), ID: idOf("env/x")}
	known, err := p.autoReleases().RecallLock(p.Context(), key)
	if err == nil {
		change(known.Plan)
		err = p.autoReleases().RecordPlan(p.Context(), key, known.Plan, *known.Plan)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// The unlock function checks the time and the claim itself: neither a claim that came too
// early nor one that is long over releases anything.
func TestUnlockRefusesBeforeTheTimeAndAfterTheClaim(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(p *pipeline, plan *ledger.Plan)
		says   string // empty: it is released
	}{
		"all is well": {func(p *pipeline, plan *ledger.Plan) { plan.Claimed = p.began.Add(17 * minute) }, ""},
		"its time is to come": {func(p *pipeline, plan *ledger.Plan) {
			plan.Claimed, plan.NotBefore = p.began.Add(17*minute), p.began.Add(18*minute)
		}, "its release was announced for"},
		"nobody knows its time": {func(p *pipeline, plan *ledger.Plan) {
			plan.Claimed, plan.NotBefore = p.began.Add(17*minute), time.Time{}
		}, "at the earliest is not known"},
		"its claim is old": {func(p *pipeline, plan *ledger.Plan) { plan.Claimed = p.began.Add(14 * minute) }, "claim of its planned release has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			p.scans(12 * minute)
			p.replan(func(plan *ledger.Plan) { tc.change(p, plan) })
			if _, err := (releaser{p, 17*minute + time.Second}).Release(t.Context(), string(p.Path("env/x")), idOf("env/x"), "its run ended"); err != nil {
				t.Fatal(err)
			}
			said := p.outcomes[0]
			if refused := strings.HasPrefix(said, "refused"); refused != (tc.says != "") || !strings.Contains(said, tc.says) || (len(p.held()) == 1) != refused {
				t.Errorf("it says %q; held %q", said, p.held())
			}
		})
	}
}

// A wish that a lock stays outlives a scan of other stores alone, and goes with the lock
// once its own are read again.
func TestAWishOutlivesAScanThatDoesNotWatchItsStore(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"no scan saw the lock before", "a scan saw it"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.Lock("env/x", idOf("env/x"), p.Set.Buckets[0])
			p.tag("env/x", map[string]string{"run": "gh-1-1"})
			p.Lock("env/y", idOf("env/y"), p.Set.Tables[0]) // so that there is something to judge
			p.ends("1", minute)
			if when == "a scan saw it" {
				p.scans(12 * minute)
			}
			p.keep("env/x")
			p.watch([]string{p.TableARN}, nil)
			p.scans(17 * minute)
			p.watchAll()
			p.scans(22*minute, 27*minute)
			if p.invoked > 0 || len(p.held()) != 2 {
				t.Fatalf("invoked %d times, held %q, %q", p.invoked, p.held(), p.outcomes)
			}
			p.unlockObject("env/x")
			p.scans(32 * minute)
			if known, err := p.autoReleases().RecallLock(t.Context(), ledger.Key{Path: p.Path("env/x"), ID: idOf("env/x")}); err != nil || known.Keep != nil {
				t.Errorf("%+v of a lock that is gone, %v", known.Keep, err)
			}
		})
	}
}
