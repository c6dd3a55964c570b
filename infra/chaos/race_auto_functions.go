package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

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
	return environment, r.server.MakeSecret(ctx, parameter, string(runs))
}

// handler is the CI system and Lambda, each under the number of who calls.
func (r *autoRace) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ci/{number}/", func(w http.ResponseWriter, q *http.Request) {
		status, body := r.ci.Answer(strings.TrimPrefix(q.URL.Path, "/ci/"+q.PathValue("number")), q.Header.Get("Authorization"))
		if p, is := r.asking.Load(q.PathValue("number")); is {
			r.mu.Lock()
			p.(*party).auto.hears(body) //nolint:errcheck,forcetypeassert // nothing else is stored
			r.mu.Unlock()
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) //nolint:gosec // JSON, for a machine; its reader may be gone
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
		result, err := local.Invoke(ctx, r.monitor, environment, "{}")
		r.mu.Lock()
		p.reading, p.claiming = false, false
		r.mu.Unlock()
		if err == nil && result.Failed {
			err = errors.New(result.Payload + "\n" + result.Log)
		}
		return "scans", err
	})
}

// While another monitor is between its count and its invocation the brake stays: nobody could
// say which of them counts.
func (r *autoRace) unbrake(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.scanners, func(p *party) bool { return p.claiming }) {
		return nil
	}
	r.history.unbraked = len(r.history.invoked)
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
