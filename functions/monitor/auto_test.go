package main_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// repository is the ID of the one whose workflows take the locks.
const repository = "84213377"

// guard is the ReleaseGuard of these stacks.
const guard = 3 * time.Second

// pipelines is a stack that releases the locks of CI runs automatically, and the CI system
// that it asks.
type pipelines struct {
	*site
	github *local.GitHub
}

func newPipelines(t *testing.T) *pipelines {
	t.Helper()
	server := local.StartForTest(t)
	github, err := local.StartGitHub(repository)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(github.Stop)
	if err := server.MakeSecret(t.Context(), "/team/github", local.GitHubToken); err != nil {
		t.Fatal(err)
	}
	stack, err := server.Deploy(t.Context(), "lockwarden", map[string]string{
		"GitHubTokenParameter": "/team/github", "GitHubApiUrl": github.URL, "AutoRelease": "*/env/**", "AutoReleaseMode": "release",
		"ReleaseGuard": guard.String(), "StuckAfter": "2h",
	})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := stack.Invocable()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &pipelines{&site{T: t, aws: stack.AWS(), stack: stack}, github}
}

// takenBy says, as S3's events do, that the session of a run took the lock of a state.
func (p *pipelines) takenBy(key, run string) {
	p.Helper()
	all, err := p.aws.Notifications(p.Context(), p.stack.Outputs["StateBucketName"], key+".tflock")
	if err == nil {
		err = p.stack.Notify(p.Context(), all[len(all)-1].By(p.github.Session(run)+"-1"))
	}
	if err != nil {
		p.Fatal(err)
	}
}

// put takes the lock of a state for a run, as a client does, with an object alone.
func (p *pipelines) put(key, run string) {
	p.Helper()
	if err := local.TakeLock(p.Context(), p.path(key), "id-of-"+key, p.bucket()); err != nil {
		p.Fatal(err)
	}
	p.takenBy(key, run)
}

func (p *pipelines) path(key string) tflock.Path {
	return tflock.NewPath(p.stack.Outputs["StateBucketName"], key)
}

func (p *pipelines) bucket() backend.Store {
	p.Helper()
	_, buckets := p.stack.Watched()
	set, err := backend.Open(p.aws.Config(), nil, buckets[:1])
	if err != nil {
		p.Fatal(err)
	}
	return set.Buckets[0]
}

// goodScan is a scan that did not fail. It returns its locks by their keys, and its log.
func (p *pipelines) goodScan() (map[string]policy.Description, string) {
	p.Helper()
	report, result := p.scan()
	if result.Failed || !report.Complete {
		p.Fatalf("%s\n%s", result.Payload, result.Log)
	}
	return byKey(report), result.Log
}

// comesDue lets the announced times of the planned releases come.
func (p *pipelines) comesDue() {
	p.Helper()
	if err := p.stack.DuePlans(p.Context()); err != nil {
		p.Fatal(err)
	}
}

func byKey(report monitor.Report) map[string]policy.Description {
	found := map[string]policy.Description{}
	for _, f := range report.Locks {
		found[tflock.Path(f.Path).Key()] = f
	}
	return found
}

// published are the types of the messages since the last call, with the keys that they are
// about, and the last message's event.
func (p *pipelines) published() (types []string, last alert.Event) {
	p.Helper()
	for _, m := range p.news() {
		last = alert.Event{}
		if err := json.Unmarshal([]byte(m.Texts["sqs"]), &last); err != nil {
			p.Fatal(err)
		}
		_, key, _ := strings.Cut(m.Attributes["path"], "/")
		types = append(types, strings.TrimSpace(m.Attributes["type"]+" "+key))
	}
	return types, last
}

func (p *pipelines) mustPublish(want ...string) alert.Event {
	p.Helper()
	got, last := p.published()
	if !slices.Equal(got, want) {
		p.Fatalf("published %q, want %q", got, want)
	}
	return last
}

// The tests share one stack: to deploy it takes longer than they do.
func TestAutomaticRelease(t *testing.T) {
	p := newPipelines(t)
	for _, part := range []struct {
		name string
		test func(p *pipelines)
	}{
		{"the lock of a cancelled run goes by itself, and a living one stays", cancelledRun},
		{"what a liar gets", liar},
		{"OpenTofu's lock_tags lead to the run", tagged},
		{"the monitor may invoke the unlock function alone", monitorsRights},
	} {
		t.Run(part.name, func(t *testing.T) {
			p.T = t
			part.test(p)
		})
	}
}

// The lock of a cancelled run is gone within two scans after ReleaseGuard has passed since
// the run's end, long before it would count as stuck, and its state is usable. The lock of
// a run that is at work stays, whoever asks.
func cancelledRun(p *pipelines) {
	t := p.T
	const dead, alive = "env/dead/terraform.tfstate", "env/alive/terraform.tfstate"
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	p.github.Begin("1")
	p.github.Begin("2")
	workspace, cancelled, err := p.stack.Hold(t.Context(), tofu, t.TempDir(), dead, local.ByBoth, local.TenMinutes)
	if err != nil {
		t.Fatal(err)
	}
	_, working, err := p.stack.Hold(t.Context(), tofu, t.TempDir(), alive, local.ByBoth, local.TenMinutes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = working.Kill() }) // it may be gone
	p.takenBy(dead, "1")
	p.takenBy(alive, "2")
	locks, log := p.goodScan()
	for key, f := range locks {
		if f.Run == nil || f.Run.Status != policy.RunInProgress || f.Evidence.Liveness != policy.PossiblyLive || f.Verdict != policy.Fresh {
			t.Errorf("%s: %+v", key, f)
		}
	}
	if !strings.Contains(log, `"not released automatically"`) || !strings.Contains(log, "its run is in progress") {
		t.Errorf("the log does not say why:\n%s", log)
	}

	if err := cancelled.Kill(); err != nil {
		t.Fatal(err)
	}
	p.github.End("1", "cancelled", time.Now())
	locks, log = p.goodScan()
	if f := locks[dead]; f.Run == nil || f.Run.Status != policy.RunEnded || f.Evidence.Liveness != policy.RunOver || !strings.Contains(log, "the lock is released 3s after that at the earliest") {
		t.Errorf("%+v\n%s", f, log)
	}
	p.mustPublish()
	time.Sleep(guard + time.Second)
	p.goodScan()
	planned := p.mustPublish("lock.release_planned " + dead)
	if planned.Plan == nil || planned.Plan.Mode != policy.AutoRelease || planned.Lock.Verdict != policy.Fresh || !strings.Contains(planned.Actions.Keep, `"keep":true`) {
		t.Errorf("%+v", planned)
	}
	p.goodScan() // a second delivery of the schedule: its time has not come
	p.mustPublish()
	p.comesDue()
	p.goodScan()
	released := p.mustPublish("lock.released " + dead)
	if r := released.Release; r == nil || r.RequestedBy != "lockwarden-auto" || !strings.Contains(r.Reason, "/acme/infra/actions/runs/1") || !strings.Contains(r.Reason, "its run ended") {
		t.Errorf("%+v", released.Release)
	}
	if locks, _ = p.goodScan(); len(locks) != 1 || locks[alive].ID == "" {
		t.Errorf("%d locks are left: %+v", len(locks), locks)
	}
	p.mustPublish()
	if _, err := workspace.Run(t.Context(), "plan"); err != nil {
		t.Error(err)
	}
	p.mustRefuse(locks[alive])
	p.mustPublish("lock.refused " + alive)
}

// mustRefuse asks for the lock of a living run by hand.
func (p *pipelines) mustRefuse(d policy.Description) {
	p.Helper()
	payload, err := json.Marshal(unlock.Request{LockID: d.ID, Path: d.Path, Reason: "it looks dead", RequestedBy: "ana"})
	if err != nil {
		p.Fatal(err)
	}
	result, err := p.stack.Invoke(p.Context(), "unlock", "UnlockFunction", string(payload))
	var answer unlock.Answer
	if err != nil || json.Unmarshal([]byte(result.Payload), &answer) != nil || answer.Outcome != unlock.Refused || !strings.Contains(answer.Message, "its run is in progress") {
		p.Errorf("%v: %s", err, result.Payload)
	}
}

// The monitor may invoke the unlock function, and no other.
func monitorsRights(p *pipelines) {
	session, err := p.stack.As(p.Context(), "MonitorFunction")
	if err != nil {
		p.Fatal(err)
	}
	client := lambda.NewFromConfig(session.Config())
	for logicalID := range p.stack.Functions {
		_, err := client.Invoke(p.Context(), &lambda.InvokeInput{FunctionName: aws.String(p.stack.Resources[logicalID]), Payload: []byte(`{}`)})
		refused := false
		if fault, ok := errors.AsType[smithy.APIError](err); ok {
			refused = fault.ErrorCode() == "AccessDeniedException"
		}
		if refused == (logicalID == "UnlockFunction") || (!refused && err != nil) {
			p.Errorf("%s: %v", logicalID, err)
		}
	}
}

// A liar may assume a pipeline's role, and names a run that is not its own. What it gets is
// the release of a lock that its own role took, where AutoRelease selects the state, once
// a run that was going when it took the lock has ended: SECURITY.md says so. It gets no
// lock that another role took, none that AutoRelease does not select, and none by a run
// that was over before.
func liar(p *pipelines) {
	t := p.T
	const own, unselected, late, others = "env/liar/terraform.tfstate", "production/terraform.tfstate", "env/late/terraform.tfstate", "env/others/terraform.tfstate"
	p.github.End("4", "cancelled", time.Now().Add(-time.Minute)) // before any of these locks
	p.github.Begin("3")
	p.github.Begin("5")
	p.put(own, "3")        // somebody else's run: this client is alive all the time
	p.put(unselected, "3") // the same where a person decides
	p.put(late, "4")       // a run that is over already
	p.put(others, "5")     // another team's, by its own role: the liar cannot change its tags or its session
	p.goodScan()
	p.github.End("3", "cancelled", time.Now())
	time.Sleep(guard + time.Second)
	var log string
	for range 3 {
		_, log = p.goodScan()
		p.comesDue()
	}
	p.mustPublish("lock.release_planned "+own, "lock.released "+own)
	locks, _ := p.goodScan()
	for key, want := range map[string]bool{own: false, unselected: true, late: true, others: true} {
		if _, there := locks[key]; there != want {
			t.Errorf("the lock on %s is there: %v", key, there)
		}
	}
	if f := locks[late]; f.Run == nil || f.Run.Status != policy.RunUnknown || !strings.Contains(log, "before this lock was taken, so it is not this lock's run") {
		t.Errorf("%+v\n%s", f.Run, log)
	}
	if f := locks[others]; f.Run == nil || f.Run.Status != policy.RunInProgress {
		t.Errorf("%+v", f.Run)
	}
	// It was not even asked about: nothing but a stuck lock, or one that AutoRelease selects, is.
	if f := locks[unselected]; f.Run != nil {
		t.Errorf("%+v", f.Run)
	}
}
