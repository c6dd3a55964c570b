package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// autoRace is real clients in runs of a CI system that end, hang, are cancelled and are
// started again, beside the monitor and the unlock function as Lambda runs them: their own
// binaries, with nothing but an environment. What the CI system says comes over HTTP.
type autoRace struct {
	*race
	ci       *ci
	monitor  string // path of the binary
	unlock   string
	scanners []*party // the monitors
	services string   // address of the CI system and of Lambda
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
	r.history.loud = true
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
		r.scanners = append(r.scanners, &party{name: fmt.Sprint("monitor ", i), lockwarden: true})
	}
	for i, p := range r.scanners {
		functions.Go(func() { r.monitors(ctx, over, p, int64(-1-i)) })
	}
	functions.Go(func() { r.witnesses(ctx, over) })
	clients.Wait()
	close(over)
	functions.Wait()
	return ctx.Err()
}
