package unlock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// pipeline is a world whose locks are of CI runs: a GitHub stand-in says how they are, and
// a monitor that releases automatically scans on a clock of its own.
type pipeline struct {
	*world
	began    time.Time
	rules    policy.AutoRules
	mu       sync.Mutex
	runs     map[string]string // what GitHub says of each run
	invoked  int
	lost     bool // the answers of the unlock function are lost
	outcomes []string
	before   func()       // happens between a claim and its release; nil: nothing
	said     local.Output // of several functions at once
	github   *httptest.Server

	witnesses *ledger.Witnesses // nil: nobody keeps who took locks
}

func newPipeline(t *testing.T, mode policy.AutoMode) *pipeline {
	t.Helper()
	locks, err := policy.ParseSelection("*/env/**")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{world: newWorld(t), began: time.Now(), rules: policy.AutoRules{Locks: locks, Mode: mode}, runs: map[string]string{}}
	p.github = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		answer, ok := p.runs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(p.github.Close)
	t.Cleanup(func() { t.Log(p.said.String()) })
	return p
}

// take takes the lock of a state for a run, in both places.
func (p *pipeline) take(key, run string) {
	p.Helper()
	p.lock(key, idOf(key), p.set.Buckets[0], p.set.Tables[0])
	p.tag(key, map[string]string{"run": "gh-1-" + run})
}

func idOf(key string) string { return "id-" + strings.ReplaceAll(key, "/", "-") }

func (p *pipeline) tag(key string, tags map[string]string) {
	p.Helper()
	var set []s3types.Tag
	for name, value := range tags {
		set = append(set, s3types.Tag{Key: &name, Value: &value})
	}
	if _, err := server.S3().PutObjectTagging(p.Context(), &s3.PutObjectTaggingInput{Bucket: &p.Bucket, Key: aws.String(key + ".tflock"), Tagging: &s3types.Tagging{TagSet: set}}); err != nil {
		p.Fatal(err)
	}
}

// ends says that a run ended so long after the beginning; lives that it is at work.
func (p *pipeline) ends(run string, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs[run] = `{"status":"completed","conclusion":"cancelled","updated_at":"` + p.began.Add(after).UTC().Format(time.RFC3339) + `","html_url":"https://github.com/acme/infra/actions/runs/` + run + `"}`
}

func (p *pipeline) lives(run string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs[run] = `{"status":"in_progress"}`
}

type noSecret struct{}

func (noSecret) GetParameter(context.Context, string) (parameter.Parameter, error) {
	return parameter.Parameter{Value: "token", Type: parameter.SecureString}, nil
}

func (p *pipeline) asks(now func() time.Time) *evidence.Runs {
	return &evidence.Runs{Open: func(context.Context) (evidence.Opened, error) {
		a, err := run.New(run.Settings{GitHubToken: "t", GitHubAPI: p.github.URL}, run.Clients{HTTP: run.NewClient(), Parameters: func() parameter.Client { return noSecret{} }}, now)
		return evidence.Opened{Asker: a, Auto: p.rules}, err
	}}
}

func (p *pipeline) autos() *ledger.Autos {
	return ledger.NewAutos(dynamodb.NewFromConfig(server.Config()), p.Ledger)
}

// unlocker is the unlock function, so long after the beginning.
func (p *pipeline) unlocker(after time.Duration) *unlock.Unlocker {
	now := func() time.Time { return p.began.Add(after) }
	u := &unlock.Unlocker{
		Stores: p.set, Composer: alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "unlock"},
		Memory: p.memory(), Releases: p.releases(), Runs: p.asks(now), Autos: p.autos(),
		Topic: alert.NewTopic(sns.NewFromConfig(server.Config()), p.Topic), Meter: metric.NewPublisher(server.Config(), "Test"),
		Rules: policy.Rules{Thresholds: policy.Thresholds{Default: 2 * time.Hour}, ReleaseGuard: guard}, Now: now, Log: slog.New(slog.NewTextHandler(&p.said, nil)),
	}
	if p.witnesses != nil {
		u.Witnesses = p.witnesses
	}
	return u
}

// releaser is the monitor's way to the unlock function.
type releaser struct {
	*pipeline
	after time.Duration
}

func (r releaser) Release(ctx context.Context, path, id, reason string) (string, error) {
	r.mu.Lock()
	r.invoked++
	r.mu.Unlock()
	if r.before != nil {
		r.before()
	}
	request, err := unlock.ParseRequest(fmt.Appendf(nil, `{"lock_id":%q,"path":%q,"reason":%q,"requested_by":"lockwarden-auto"}`, id, path, reason))
	if err != nil {
		return "", err
	}
	a, err := r.unlocker(r.after).Run(ctx, request, "request")
	if r.lost {
		return "", errors.New("the answer was lost")
	}
	r.mu.Lock()
	r.outcomes = append(r.outcomes, string(a.Outcome)+" "+a.Message)
	r.mu.Unlock()
	return string(a.Outcome), err
}

// scanAt is a scan of the monitor so long after the beginning.
func (p *pipeline) scanAt(after time.Duration) error {
	p.Helper()
	now := func() time.Time { return p.began.Add(after) }
	u := p.unlocker(after)
	m := &monitor.Monitor{
		Scanner: scan.New(p.set, u.Rules, now), Ledger: p.memory(), Released: p.releases(), Composer: u.Composer, Topic: u.Topic, Meter: metric.NewPublisher(server.Config(), "Test"),
		RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Now: now, Log: u.Log, Runs: u.Runs, Autos: p.autos(), Releaser: releaser{p, after},
	}
	if p.witnesses != nil {
		m.Witnesses = p.witnesses
	}
	_, err := m.Run(context.Background())
	return err
}

func (p *pipeline) scans(after ...time.Duration) {
	p.Helper()
	for _, at := range after {
		if err := p.scanAt(at); err != nil {
			p.Fatal(err)
		}
	}
}

const minute = time.Minute

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
	if text := messages[len(messages)-1].Texts["email"]; !strings.Contains(text, "lockwarden-auto") || !strings.Contains(text, "https://github.com/acme/infra/actions/runs/1") || !strings.Contains(text, "its run ended") {
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
		"nobody knows the run":   func(p *pipeline) { p.mu.Lock(); delete(p.runs, "1"); p.mu.Unlock() },
		"a state is there":       func(p *pipeline) { p.state("env/x") },
		"another lock object":    func(p *pipeline) { p.unlockObject("env/x"); p.lock("env/x", idOf("env/x"), p.set.Buckets[0]) },
		"another lock in a row":  func(p *pipeline) { p.unlockRow("env/x"); p.lock("env/x", "another", p.set.Tables[0]) },
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

func (p *pipeline) state(key string) {
	p.Helper()
	if _, err := server.S3().PutObject(p.Context(), &s3.PutObjectInput{Bucket: &p.Bucket, Key: &key, Body: strings.NewReader("{}")}); err != nil {
		p.Fatal(err)
	}
}

func (p *pipeline) unlockObject(key string) {
	p.Helper()
	if _, err := server.S3().DeleteObject(p.Context(), &s3.DeleteObjectInput{Bucket: &p.Bucket, Key: aws.String(key + ".tflock")}); err != nil {
		p.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // S3's times have no fractions of a second
}

func (p *pipeline) unlockRow(key string) {
	p.Helper()
	h, _, err := p.set.Tables[0].Find(p.Context(), p.Path(key))
	if err == nil {
		err = p.set.Tables[0].Release(p.Context(), h)
	}
	if err != nil {
		p.Fatal(err)
	}
}

func (p *pipeline) keep(key string) {
	p.Helper()
	r, err := unlock.ParseRequest(fmt.Appendf(nil, `{"lock_id":%q,"path":%q,"keep":true,"requested_by":"ada"}`, idOf(key), p.Path(key)))
	if err != nil {
		p.Fatal(err)
	}
	if a, err := p.unlocker(13*minute).Run(p.Context(), r, "request"); err != nil || a.Outcome != unlock.Kept {
		p.Fatalf("%+v, %v", a, err)
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
	if known, err := p.autos().RecallLock(t.Context(), ledger.Key{Path: p.Path("env/x"), ID: idOf("env/x")}); err != nil || known.Stop != nil {
		t.Errorf("%+v of a lock that is gone, %v", known.Stop, err)
	}
}

// wishEnds is when the only wish in the ledger expires.
func (p *pipeline) wishEnds() time.Time {
	p.Helper()
	rows, err := dynamodb.NewFromConfig(server.Config()).Scan(p.Context(), &dynamodb.ScanInput{
		TableName: &p.Ledger, FilterExpression: aws.String("begins_with(id, :stop)"), ExpressionAttributeValues: map[string]types.AttributeValue{":stop": &types.AttributeValueMemberS{Value: "stop#"}},
	})
	if err != nil || len(rows.Items) != 1 {
		p.Fatalf("%d wishes, %v", len(rows.Items), err)
	}
	n, err := strconv.ParseInt(rows.Items[0]["expires_at"].(*types.AttributeValueMemberN).Value, 10, 64)
	if err != nil {
		p.Fatal(err)
	}
	return time.Unix(n, 0)
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
	known := func() *ledger.Stop {
		t.Helper()
		auto, err := p.autos().RecallLock(t.Context(), ledger.Key{Path: p.Path("env/z"), ID: idOf("env/z")})
		if err != nil {
			t.Fatal(err)
		}
		return auto.Stop
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

func (s witness) Look(_ context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
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
			p.lock(key, "id-"+key, p.set.Buckets[0])
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
