package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

// autoRace is real clients in runs of a CI system that end, hang, are cancelled and are
// started again, beside the monitor and the unlock function as Lambda runs them: their own
// binaries, with nothing but an environment. What the CI system says comes over HTTP.
type autoRace struct {
	*race
	ci       *ci
	monitor  string // path of the binary
	unlock   string
	services string // address of the CI system and of Lambda
	invoked  atomic.Int64
	runs     atomic.Int64 // of the CI system

	asking  sync.Map // party of an invocation of the unlock function, by its number
	notices chan local.Notification
}

// autoGuard is the ReleaseGuard of this race.
const autoGuard = 5 * time.Second

// runAutoRace lets clients race until the time is up.
func runAutoRace(ctx context.Context, d time.Duration, out io.Writer) error {
	r, stop, err := newAutoRace(ctx)
	defer stop()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lockwarden-chaos-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary folder
	if err := r.run(ctx, d, dir); err != nil {
		return err
	}
	return r.report(out, d)
}

func newAutoRace(ctx context.Context) (r *autoRace, stop func(), err error) {
	server, err := local.Start()
	if err != nil {
		return nil, func() {}, err
	}
	r = &autoRace{race: &race{world: &world{aws: server, stuckAfter: time.Hour}, server: server, name: onlyAuto, outcomes: map[string]map[string]int{}}, ci: newCI(time.Now), notices: make(chan local.Notification, 1000)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, server.Stop, err
	}
	services := &http.Server{ReadHeaderTimeout: time.Minute, Handler: r.handler()}
	go services.Serve(listener) //nolint:errcheck // Close ends it
	r.services = "http://" + listener.Addr().String()
	stop = func() {
		_ = services.Close()
		for _, stop := range r.stops {
			stop()
		}
		server.Stop()
	}
	upstream, err := url.Parse(server.Endpoint)
	if err != nil {
		return r, stop, err
	}
	if r.Place, err = server.MakePlace(ctx, "auto"); err != nil {
		return r, stop, err
	}
	r.doors = &doors{upstream: upstream, bucket: r.Bucket, table: r.Table, history: newHistory(time.Now, autoGuard), noticed: r.notify}
	r.history.slack = 3 * time.Second // S3's times are whole seconds
	r.history.mode, r.history.selects = policy.AutoRelease, func(string) bool { return true }
	if r.monitor, err = local.Build(ctx, "monitor"); err == nil {
		r.unlock, err = local.Build(ctx, "unlock")
	}
	return r, stop, errors.Join(err, r.putParameter(ctx, "/github-token", ciToken))
}

func (r *autoRace) putParameter(ctx context.Context, name, value string) error {
	_, err := ssm.NewFromConfig(r.server.Config()).PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	return err
}

// environment is that of a function whose CI system is asked under that number, as the
// template sets it.
func (r *autoRace) environment(ctx context.Context, endpoint, name string, number int64) (map[string]string, error) {
	runs, err := json.Marshal(map[string]any{
		"GitHub": map[string]string{"Token": "/github-token", "URL": fmt.Sprintf("%s/ci/%d", r.services, number)}, //nolint:gosec // the name of a parameter
		"GitLab": map[string]string{"Token": "", "URL": "https://gitlab.com"},
		"AWS":    false, "Auto": map[string]string{"Locks": "**", "Mode": string(policy.AutoRelease)},
	})
	if err != nil {
		return nil, err
	}
	parameter := fmt.Sprint("/runs/", number)
	environment := r.server.Through(endpoint).Env()
	for name, value := range map[string]string{
		"ACCOUNT_ID": "123456789012", "TABLE_ARNS": r.TableARN, "BUCKET_ARNS": r.BucketARN, "LEDGER_TABLE": r.Ledger, "TOPIC_ARN": r.Topic, "METRIC_NAMESPACE": "Chaos",
		"STUCK_AFTER": "1h", "RELEASE_GUARD": autoGuard.String(), "SCAN_EVERY": "1s", "UNLOCK_FUNCTION": "unlock", "RUNS": parameter,
		"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_ENDPOINT_URL_LAMBDA": fmt.Sprintf("%s/lambda/%d", r.services, number),
	} {
		environment[name] = value
	}
	return environment, r.putParameter(ctx, parameter, string(runs))
}

// handler is the CI system and Lambda, each under the number of who calls.
func (r *autoRace) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ci/{number}/", func(w http.ResponseWriter, q *http.Request) {
		status, body := r.ci.answer(strings.TrimPrefix(q.URL.Path, "/ci/"+q.PathValue("number")), q.Header.Get("Authorization"))
		if p, is := r.asking.Load(q.PathValue("number")); is {
			r.mu.Lock()
			a := p.(*party).auto //nolint:errcheck,forcetypeassert // nothing else is stored
			a.wasOver = (a.wasOver || !a.asked) && saysOver(body)
			a.asked = true
			r.mu.Unlock()
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // its reader may be gone
	})
	mux.HandleFunc("POST /lambda/{number}/2015-03-31/functions/unlock/invocations", func(w http.ResponseWriter, q *http.Request) {
		payload, err := io.ReadAll(q.Body)
		var result local.Result
		if err == nil {
			by, _ := r.asking.Load("monitor " + q.PathValue("number"))
			result, err = r.invokeUnlock(context.WithoutCancel(q.Context()), by.(*party), payload) //nolint:errcheck,forcetypeassert // it was stored before
		}
		switch {
		case err != nil:
			r.fails("the unlock function: %v", err)
			w.WriteHeader(http.StatusInternalServerError)
		case result.Failed:
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_, _ = io.WriteString(w, result.Payload) // its reader may be gone
	})
	return mux
}

// invokeUnlock runs the unlock function once, with a way to AWS of its own.
func (r *autoRace) invokeUnlock(ctx context.Context, by *party, payload []byte) (local.Result, error) {
	var named struct {
		Path string `json:"path"`
		ID   string `json:"lock_id"`
	}
	if err := json.Unmarshal(payload, &named); err != nil {
		return local.Result{}, err
	}
	number := r.invoked.Add(1)
	p := &party{name: fmt.Sprint("invocation ", number, " of the unlock function"), lockwarden: true, releases: named.ID, at: named.Path}
	endpoint, stop, err := r.doors.open(p, 0)
	if err != nil {
		return local.Result{}, err
	}
	defer stop()
	r.asking.Store(strconv.FormatInt(number, 10), p)
	environment, err := r.environment(ctx, endpoint, "unlock", number)
	if err != nil {
		return local.Result{}, err
	}
	r.mu.Lock()
	r.history.invokes(named.Path, named.ID)
	p.began, p.auto = r.history.changes, &automatic{began: r.history.moment, scan: by.from}
	r.mu.Unlock()
	result, err := local.Invoke(ctx, r.unlock, environment, string(payload))
	var answer struct{ Outcome string }
	_ = json.Unmarshal([]byte(result.Payload), &answer)
	r.note("unlock function", "invoked: "+answer.Outcome)
	return result, err
}

// run has everybody at work until the time is up, and lets each finish what it began.
func (r *autoRace) run(ctx context.Context, d time.Duration, dir string) error {
	timeUp, stop := context.WithTimeout(ctx, d)
	defer stop()
	kinds, err := local.Clients()
	if err != nil {
		return err
	}
	var clients, functions sync.WaitGroup
	for i := range 4 {
		mode := []local.Mode{local.ByFile, local.ByBoth}[i%2]
		c := &racer{kind: kinds[i/2%len(kinds)], dir: fmt.Sprintf("%s/%d", dir, i), key: fmt.Sprintf("auto/%d/terraform.tfstate", i), mode: mode}
		c.party = &party{name: fmt.Sprintf("client %d, %s on %s", i, c.kind.Name, c.key)}
		clients.Go(func() { r.works(ctx, timeUp, c) })
	}
	over := make(chan struct{})
	for i := range 2 {
		p := &party{name: fmt.Sprint("monitor ", i), lockwarden: true}
		functions.Go(func() { r.monitors(ctx, over, p, int64(-1-i)) })
	}
	functions.Go(func() { r.witnesses(ctx, over) })
	clients.Wait()
	close(over)
	functions.Wait()
	return ctx.Err()
}

// monitors invokes the monitor again and again. The brake lets three releases an hour pass,
// which is too few for a race: it is released after each of them.
func (r *autoRace) monitors(ctx context.Context, over <-chan struct{}, p *party, number int64) {
	r.asking.Store(fmt.Sprint("monitor ", number), p)
	through, err := r.enter(p, 0)
	var environment map[string]string
	if err == nil {
		environment, err = r.environment(ctx, through.Endpoint, "monitor", number)
	}
	if err != nil {
		r.fails("%v", err)
		return
	}
	r.repeat(ctx, over, p, func() (string, error) {
		if err := r.unbrake(ctx); err != nil {
			return "", err
		}
		r.mu.Lock()
		p.from = r.history.moment
		r.mu.Unlock()
		result, err := local.Invoke(ctx, r.monitor, environment, "{}")
		if err == nil && result.Failed {
			err = errors.New(result.Payload + "\n" + result.Log)
		}
		return "scans", err
	})
}

func (r *autoRace) unbrake(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.invoked = nil
	_, err := dynamodb.NewFromConfig(r.server.Config()).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &r.Ledger, Key: map[string]types.AttributeValue{
		"kind": &types.AttributeValueMemberS{Value: "auto"}, "id": &types.AttributeValueMemberS{Value: "brake"},
	}})
	return err
}

// notify has S3 notify of a lock object.
func (r *autoRace) notify(p *party, q *http.Request, answer http.Header) {
	n := local.Notification{
		Name: "ObjectCreated:Put", Bucket: r.Bucket, Key: strings.TrimPrefix(q.URL.Path, "/"+r.Bucket+"/"), ETag: strings.Trim(answer.Get("ETag"), `"`),
		VersionID: answer.Get("X-Amz-Version-Id"), Sequencer: fmt.Sprintf("0066%012X", r.history.changes), Time: time.Now(),
	}
	if q.Method == http.MethodDelete {
		n.Name = "ObjectRemoved:DeleteMarkerCreated"
	}
	r.notices <- n.By(p.session)
}

// witnesses delivers what S3 says, late, in another order, and now and then twice.
func (r *autoRace) witnesses(ctx context.Context, over <-chan struct{}) {
	cfg := r.server.Config()
	function := witness.Witness{Locks: backend.NewLockVersions(cfg), Records: ledger.NewWitnesses(dynamodb.NewFromConfig(cfg), r.Ledger), Log: quiet}
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Second):
		}
		var batch events.SQSEvent
		for range len(r.notices) {
			body, err := (<-r.notices).Body()
			if err != nil {
				r.fails("%v", err)
			}
			for range 1 + rand.IntN(2) { //nolint:gosec // any will do
				batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(len(batch.Records)), Body: body})
			}
		}
		rand.Shuffle(len(batch.Records), func(i, j int) { batch.Records[i], batch.Records[j] = batch.Records[j], batch.Records[i] }) //nolint:gosec // any will do
		if out, err := function.Run(ctx, batch); err != nil || len(out.BatchItemFailures) > 0 {
			r.fails("the witness failed: %v, %v", out, err)
		}
	}
}

// works is in one run after another until the time is up.
func (r *autoRace) works(ctx, timeUp context.Context, c *racer) {
	c.session = "setup"
	w, err := c.workspace(ctx, r.race)
	if err != nil {
		r.fails("%v", err)
		return
	}
	for goesOn := true; goesOn && timeUp.Err() == nil; {
		run := strconv.FormatInt(r.runs.Add(1), 10)
		r.begins(c, run)
		switch rand.IntN(4) { //nolint:gosec // any will do
		case 0:
			goesOn = c.does(ctx, r.race, w, "apply", "-auto-approve", "-lock-timeout=60s", "-var=seconds=1")
			r.overs(c, run, "success")
		case 1:
			goesOn = r.isCancelled(ctx, c, w, run)
		case 2:
			goesOn = r.hangs(ctx, c, w, run)
		case 3:
			goesOn = r.isStartedAgain(ctx, c, w, run)
		}
	}
}

func (r *autoRace) begins(c *racer, run string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.session = session(run)
	r.ci.begin(run)
}

// overs ends an attempt of the run, whose client is over.
func (r *autoRace) overs(c *racer, run, conclusion string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ci.end(run, conclusion)
	if c.id != "" {
		r.history.ends(string(r.Path(c.key)), c.id, time.Now().Truncate(time.Second)) // as GitHub says it
	}
}

// holds has the client take its lock in an apply that takes long.
func (r *autoRace) holds(ctx context.Context, c *racer, w *local.Workspace) *local.Run {
	path := string(r.Path(c.key))
	run, err := w.Hold(ctx, local.TenMinutes, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, object := r.history.locks[place{inBucket, path}]
		_, row := r.history.locks[place{inTable, path}]
		return object && row == (c.mode == local.ByBoth)
	})
	if err != nil {
		r.fails("%v", err)
		return nil
	}
	return run
}

// isCancelled: the run is cancelled while its client holds the lock, which goes by itself.
func (r *autoRace) isCancelled(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := r.holds(ctx, c, w)
	if held == nil {
		return false
	}
	_ = held.Kill()
	id := c.ends(r.race)
	r.note(c.kind.Name, "cancelled")
	r.overs(c, run, "cancelled")
	return r.goes(ctx, c, id)
}

// hangs: the client holds its lock for longer than the guard, and its run goes on. Then it
// dies with its host, and its run is over some time later.
func (r *autoRace) hangs(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := r.holds(ctx, c, w)
	if held == nil {
		return false
	}
	r.note(c.kind.Name, "hung")
	time.Sleep(2 * autoGuard)
	_ = held.Kill()
	id := c.ends(r.race)
	time.Sleep(autoGuard)
	if !r.race.holds(string(r.Path(c.key)), id) {
		r.fails("the lock %s went while its run was in progress", id)
	}
	r.overs(c, run, "failure")
	return r.goes(ctx, c, id)
}

// isStartedAgain: the run is cancelled, and its next attempt meets the lock of the former
// one, under the same session.
func (r *autoRace) isStartedAgain(ctx context.Context, c *racer, w *local.Workspace, run string) bool {
	held := r.holds(ctx, c, w)
	if held == nil {
		return false
	}
	_ = held.Kill()
	id := c.ends(r.race)
	r.note(c.kind.Name, "started again")
	r.overs(c, run, "cancelled")
	r.begins(c, run)
	_, _ = w.Run(ctx, "apply", "-auto-approve", "-lock-timeout=8s") // it meets the lock, or takes one of its own
	c.ends(r.race)
	r.overs(c, run, "failure")
	return r.goes(ctx, c, id)
}

// goes waits until the lock of a run that is over is gone.
func (r *autoRace) goes(ctx context.Context, c *racer, id string) bool {
	began := time.Now()
	for ; r.race.holds(string(r.Path(c.key)), id) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 3*time.Minute {
			r.fails("the lock %s of a run that is over was never released: %s", id, c.key)
			return false
		}
	}
	r.note("released automatically", fmt.Sprintf("within %ds of the end", 10*(1+int(time.Since(began).Seconds())/10)))
	return true
}
