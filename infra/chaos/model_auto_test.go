package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
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
	return parameter.Parameter{Value: local.GitHubToken, Type: parameter.SecureString}, nil
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
	status, body := c.model.ci.Answer(r.URL.Path, r.Header.Get("Authorization"))
	if c.auto != nil {
		c.auto.hears(body)
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

const (
	byTag     jobNaming = iota // its lock object is tagged, as OpenTofu's lock_tags do
	bySession                  // S3's event names its role's session
)

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

// halving removes one half of the lock of its key, as a force-unlock does that fails at the other.
type halving struct{ object bool }

func (a halving) run(p *process, cfg aws.Config) error {
	set, err := p.model.open(cfg)
	if err != nil {
		return err
	}
	var store backend.Store = set.Tables[0]
	if a.object {
		store = set.Buckets[0]
	}
	h, there, err := store.Find(context.Background(), p.name())
	if err != nil || !there {
		return err
	}
	p.id = h.Info.ID // it acts for the lock's holder
	return store.Release(context.Background(), h)
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
