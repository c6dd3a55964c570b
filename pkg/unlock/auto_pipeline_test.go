package unlock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// pipeline is a world whose locks are of CI runs: a GitHub stand-in says how they are, and
// a monitor that releases automatically scans on a clock of its own.
type pipeline struct {
	*world
	began    time.Time
	rules    policy.AutoRules
	mu       sync.Mutex
	invoked  int
	lost     bool // the answers of the unlock function are lost
	outcomes []string
	before   func()       // happens between a claim and its release; nil: nothing
	said     local.Output // of several functions at once
	github   *local.GitHub

	witnesses *ledger.Witnesses // nil: nobody keeps who took locks
}

func newPipeline(t *testing.T, mode policy.AutoMode) *pipeline {
	t.Helper()
	locks, err := policy.ParseSelection("*/env/**")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{world: newWorld(t), began: time.Now(), rules: policy.AutoRules{Locks: locks, Mode: mode}}
	if p.github, err = local.StartGitHub("1"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.github.Stop)
	t.Cleanup(func() { t.Log(p.said.String()) })
	return p
}

// take takes the lock of a state for a run, in both places.
func (p *pipeline) take(key, run string) {
	p.Helper()
	p.Lock(key, idOf(key), p.Set.Buckets[0], p.Set.Tables[0])
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
	p.github.Refuse(0)
	p.github.End(run, "cancelled", p.began.Add(after))
}

func (p *pipeline) lives(run string) { p.github.Begin(run) }

type noSecret struct{}

func (noSecret) GetParameter(context.Context, string) (parameter.Parameter, error) {
	return parameter.Parameter{Value: local.GitHubToken, Type: parameter.SecureString}, nil
}

func (p *pipeline) asks(now func() time.Time) *evidence.Runs {
	return &evidence.Runs{Open: func(context.Context) (evidence.Opened, error) {
		a, err := run.New(run.Settings{GitHubToken: "t", GitHubAPI: p.github.URL}, run.Clients{HTTP: run.NewClient(), Parameters: func() parameter.Client { return noSecret{} }}, now)
		return evidence.Opened{Asker: a, Auto: p.rules}, err
	}}
}

func (p *pipeline) autoReleases() *ledger.AutoReleases {
	return ledger.NewAutoReleases(dynamodb.NewFromConfig(server.Config()), p.Ledger)
}

// unlocker is the unlock function, so long after the beginning.
func (p *pipeline) unlocker(after time.Duration) *unlock.Unlocker {
	now := func() time.Time { return p.began.Add(after) }
	u := p.newUnlocker(server.Config(), p.Set, 2*time.Hour, now)
	u.Composer.UnlockFunction, u.Runs, u.Log = "unlock", p.asks(now), slog.New(slog.NewTextHandler(&p.said, nil))
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
	u := p.unlocker(after)
	m := p.newMonitor(u)
	m.ScanEvery, m.Runs, m.AutoReleases, m.Releaser = 5*time.Minute, u.Runs, p.autoReleases(), releaser{p, after}
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
	h, _, err := p.Set.Tables[0].Find(p.Context(), p.Path(key))
	if err == nil {
		err = p.Set.Tables[0].Release(p.Context(), h)
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
