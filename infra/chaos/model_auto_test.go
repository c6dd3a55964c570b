package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/wiring/runs"
)

// autoScanning is a monitor that may release locks automatically. Its clock may be ahead, so
// that it takes another one's lease for expired.
type autoScanning struct {
	drawn
	promisesNow bool // what it plans may be released at once
}

func (a autoScanning) run(p *process, cfg aws.Config) error {
	w := *p.model.world
	w.ahead += a.clock
	m, err := newMonitor(&w, cfg)
	if err != nil {
		return err
	}
	m.Runs = p.model.runsFor(p)
	m.Releaser = runs.NewReleaser(cfg, "unlock")
	if !a.promisesNow {
		m.ScanEvery = 3 * time.Minute
	}
	_, err = m.Run(context.Background())
	return err
}

// runsFor asks the CI system, by calls that wait as all others do.
func (m *model) runsFor(p *process) *evidence.Runs {
	return &evidence.Runs{Open: func(context.Context) (evidence.Opened, error) {
		asker, err := run.New(run.Settings{GitHubToken: "/token", GitHubAPI: "https://api.github.com"}, run.Clients{
			HTTP:       &http.Client{Transport: asking{p}},
			Parameters: func() parameter.Client { return secret{} },
		}, m.now)
		return evidence.Opened{Asker: asker, Auto: m.auto}, err
	}}
}

// secret is the parameter with the token.
type secret struct{}

func (secret) GetParameter(context.Context, string) (parameter.Parameter, error) {
	return parameter.Parameter{Value: ciToken, Type: parameter.SecureString}, nil
}

// asking is a process's way to the CI system.
type asking struct{ *process }

func (c asking) RoundTrip(r *http.Request) (*http.Response, error) {
	got, err := c.model.gate.pass(&waiting{process: c.process, name: "Ask " + r.URL.Path, make: func() (any, error) { return c.answer(r), nil }}) //nolint:bodyclose // it is in memory
	if err != nil {
		return nil, err
	}
	return got.(*http.Response), nil //nolint:errcheck,forcetypeassert // it gives nothing else
}

// answer is the CI system's. What it says to whoever releases is noted.
func (c asking) answer(r *http.Request) *http.Response {
	status, body := c.model.ci.answer(r.URL.Path, r.Header.Get("Authorization"))
	if a := c.auto; a != nil {
		a.wasOver = (a.wasOver || !a.asked) && saysOver(body)
		a.asked = true
	}
	return answer(r, status, http.Header{"Content-Type": {"application/json"}}, string(body))
}

// invoke runs the unlock function for a monitor that invokes it, as a process of its own:
// it goes on when the monitor dies.
func (m *model) invoke(w *waiting, payload []byte, f fate) {
	by := w.process
	m.gate.drop(w)
	alive := !by.dead && f != diesBefore
	by.dead = by.dead || f != passes
	waits := !by.dead
	if !waits {
		w.answer <- reply{nil, errDead}
	}
	if !alive {
		return
	}
	var named struct {
		Path string `json:"path"`
		ID   string `json:"lock_id"`
	}
	if err := json.Unmarshal(payload, &named); err != nil {
		m.t.Fatal(err)
	}
	m.history.invokes(named.Path, named.ID)
	child := &process{model: m, number: 100 + by.number, kind: "auto unlock", key: by.key, started: true}
	child.party = &party{name: fmt.Sprintf("the unlock function for %s", by), lockwarden: true, began: m.history.changes, releases: named.ID, at: named.Path}
	child.auto = &automatic{began: m.history.moment, scan: by.from}
	m.children = append(m.children, child)
	go func() {
		growStack()
		answer := m.runUnlockFunction(child, payload)
		child.over = true
		switch {
		case !waits:
		case by.dead:
			w.answer <- reply{nil, errDead}
		default:
			w.answer <- reply{result: answer}
		}
	}()
}

// runUnlockFunction answers as Lambda does.
func (m *model) runUnlockFunction(p *process, payload []byte) *lambda.InvokeOutput {
	cfg := m.gate.config(m.config(), p)
	u, err := newUnlocker(m.world, cfg)
	var a unlock.Answer
	var request unlock.Request
	if err == nil {
		u.Runs = m.runsFor(p)
		request, err = unlock.ParseRequest(payload)
	}
	if err == nil {
		a, err = u.Run(context.Background(), request, "invoked")
	}
	out := &lambda.InvokeOutput{StatusCode: http.StatusOK}
	if p.failed = err; err == nil {
		out.Payload, err = json.Marshal(a)
	}
	if err != nil {
		out.FunctionError, out.Payload = aws.String("Unhandled"), []byte(`{"errorMessage":"it failed","errorType":"errorString"}`)
	}
	return out
}

// runAttempt is one attempt of a run, with the clients that take part.
type runAttempt struct {
	members []*process
	over    bool
}

// naming of a job's run.
type jobNaming int

const (
	byTag     jobNaming = iota // its lock object is tagged, as OpenTofu's lock_tags do
	bySession                  // S3's event names its role's session
)

// job is a client in a run of a CI system, which ends with the last of its clients. again
// makes it one more attempt of the run of another one, if that attempt is over, and else
// another client in the same.
type job struct {
	client
	again  bool
	naming jobNaming
	tag    string // another run that its lock's tag names; empty: none
	lags   bool   // the CI system describes the former attempt for some minutes
}

func (j job) run(p *process, cfg aws.Config) error {
	number := p.number
	if j.again {
		number = j.target
	}
	p.job, p.naming, p.tag = strconv.Itoa(number+1), j.naming, j.tag
	if j.naming == byTag {
		p.tag = p.job
	}
	p.session = p.sessionOf()
	p.model.joins(p, j.lags)
	err := j.client.run(p, cfg)
	if !p.dead {
		p.gone = true
		p.model.leaves(p.job)
	}
	return err
}

// joins has a client take part in its run.
func (m *model) joins(p *process, lags bool) {
	former := m.attempts[p.job]
	if former == nil || former.over {
		m.attempts[p.job] = &runAttempt{}
		m.ci.begin(p.job)
		if former != nil && lags {
			m.ci.lag(p.job, "cancelled", m.history.over[former.members[0].id])
		}
	}
	m.attempts[p.job].members = append(m.attempts[p.job].members, p)
}

// leaves ends the run when every client in it is done. One that was killed hangs.
func (m *model) leaves(job string) {
	if !slices.ContainsFunc(m.attempts[job].members, func(p *process) bool { return !p.gone }) {
		m.ends(job, "success")
	}
}

// ends completes the run: its clients may live on for some minutes.
func (m *model) ends(job, conclusion string) {
	a := m.attempts[job]
	if a == nil || a.over {
		return
	}
	a.over = true
	m.ci.end(job, conclusion)
	for _, p := range a.members {
		m.history.ends(string(m.Path(p.key)), p.id, m.now())
	}
}

// endsLate kills the clients of runs that are over, some minutes later.
func (m *model) endsLate() {
	for job, a := range m.attempts {
		for _, p := range a.members {
			p.dead = p.dead || a.over
		}
		m.ci.upToDate(job)
	}
}

// cancelling ends the run of another process.
type cancelling struct{ target int }

func (c cancelling) run(p *process, _ aws.Config) error {
	p.model.ends(strconv.Itoa(c.target+1), "cancelled")
	return nil
}

// tagging tags the lock object of its key. One that keeps the lock is noted by what it
// writes.
type tagging struct{ keeps bool }

const keepTag = "lockwarden:keep"

func (a tagging) run(p *process, cfg aws.Config) error {
	client, ctx, key := p.s3(cfg), context.Background(), aws.String(p.key+tflock.Suffix)
	there, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &p.model.Bucket, Key: key})
	if err != nil {
		return err
	}
	tag := types.Tag{Key: aws.String("note"), Value: aws.String("x")}
	if a.keeps {
		tag.Key = aws.String(keepTag)
	}
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &p.model.Bucket, Key: key, Tagging: &types.Tagging{TagSet: append(there.TagSet, tag)}})
	return err
}

// untagging removes the tag that keeps a lock.
type untagging struct{}

func (untagging) run(p *process, cfg aws.Config) error {
	client, ctx, key := p.s3(cfg), context.Background(), aws.String(p.key+tflock.Suffix)
	there, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &p.model.Bucket, Key: key})
	if err != nil {
		return err
	}
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &p.model.Bucket, Key: key, Tagging: &types.Tagging{
		TagSet: slices.DeleteFunc(there.TagSet, func(t types.Tag) bool { return *t.Key == keepTag }),
	}})
	return err
}

// keeping asks the unlock function that the lock of another process stays.
type keeping struct{ target int }

func (k keeping) run(p *process, cfg aws.Config) error {
	m := p.model
	client := m.processes[k.target]
	u, err := newUnlocker(m.world, cfg)
	if err != nil {
		return err
	}
	request, err := unlock.ParseRequest([]byte(fmt.Sprintf(`{"lock_id":%q,"path":%q,"requested_by":"me","keep":true}`, client.id, client.name())))
	if err != nil {
		return err
	}
	a, err := u.Run(context.Background(), request, "keep")
	if err == nil && a.Outcome == unlock.Kept {
		m.history.keep(string(client.name()))
	}
	return err
}

// rowAlone takes the row of a key whose clients lock by its object, and hangs: it is
// configured otherwise than they are.
type rowAlone struct{ drawn }

func (rowAlone) run(p *process, cfg aws.Config) error {
	set, err := p.model.open(cfg)
	if err != nil {
		return err
	}
	raw, err := p.model.lock(p.id, p.name(), 0)
	if err == nil {
		_, err = set.Tables[0].Acquire(context.Background(), p.name(), raw)
	}
	return err
}

// acquireTagged takes the object of a lock with a tag that names its run.
func (p *process) acquireTagged(cfg aws.Config, raw []byte) error {
	tag := url.Values{"run": {session(p.tag)}}.Encode()
	_, err := p.s3(cfg).PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &p.model.Bucket, Key: aws.String(p.key + tflock.Suffix), Body: strings.NewReader(string(raw)), IfNoneMatch: aws.String("*"), Tagging: &tag,
	})
	if err != nil && !p.dead {
		return &backend.HeldError{Store: p.model.BucketARN}
	}
	return err
}

// selectAll is what the model's AutoRelease selects.
func (m *model) selectLocks(locks string, mode policy.AutoMode) {
	selection, err := policy.ParseSelection(locks)
	if err != nil {
		m.t.Fatal(err)
	}
	m.auto = policy.AutoRules{Locks: selection, Mode: mode}
	m.history.mode, m.history.selects = mode, func(path string) bool { return selection.Matches(path, "OperationTypeApply") }
}

// tagged notes that somebody changed the tags of a lock.
func (m *model) tagged(p *process) {
	switch a := p.actor.(type) {
	case tagging:
		if a.keeps {
			m.history.keep(string(m.Path(p.key)))
			return
		}
	case untagging:
		delete(m.history.kept, string(m.Path(p.key)))
	}
	m.history.touch(string(m.Path(p.key)))
}

// jobNaming is how a job's run is known. Without a witness nobody would know its session.
func (p plan) jobNaming(d drawn) jobNaming {
	if d.same && slices.ContainsFunc(p.actors, func(d drawn) bool { return d.kind == "witness" }) {
		return bySession
	}
	return byTag
}
