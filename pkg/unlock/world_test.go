package unlock_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

// world is a backend with locks, of whose tables only the first one is watched. Its clock runs an
// hour ahead, so that what was put is an hour old.
type world struct {
	searchTime time.Duration // of unlock; 0: as deployed
	*testing.T
	*local.World
	ahead time.Duration
	// wire is between the function and stores that it probes; nil: it trusts them.
	wire aws.HTTPClient
	// archived and denied are lock objects that S3 does not give any more: the end of their
	// URL. The one was archived by a lifecycle rule, and the key of the other may not be used.
	archived, denied string
}

// archive answers as S3 does for objects that it does not give.
type archive struct {
	aws.HTTPClient
	world *world
}

func (a archive) Do(r *http.Request) (*http.Response, error) {
	var answer string
	switch is := func(end string) bool { return end != "" && strings.HasSuffix(r.URL.Path, end) }; {
	case r.Method != http.MethodGet:
	case is(a.world.archived):
		answer = `<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message></Error>`
	case is(a.world.denied):
		answer = `<Error><Code>AccessDenied</Code><Message>not authorized to perform kms:Decrypt</Message></Error>`
	}
	if answer == "" {
		return a.HTTPClient.Do(r)
	}
	return &http.Response{StatusCode: http.StatusForbidden, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldIn(t, fmt.Sprintf("w%d", time.Now().UnixNano()))
}

func newWorldIn(t *testing.T, name string) *world {
	t.Helper()
	w := &world{T: t, World: local.NewWorldIn(t, server, name), ahead: time.Hour}
	var err error
	if w.Set, err = backend.Open(server.Config(), []string{w.TableARN}, []string{w.BucketARN}); err != nil {
		t.Fatal(err)
	}
	return w
}

// held lists all locks as "key id kinds".
func (w *world) held() []string {
	w.Helper()
	list := []string{}
	for _, l := range tflock.Merge(w.Holdings()) {
		list = append(list, fmt.Sprint(strings.TrimPrefix(string(l.Path), w.Bucket+"/"), " ", l.ID, " ", l.Kinds()))
	}
	return list
}

// scan lets the monitor see the locks, as it does on its schedule.
func (w *world) scan() { w.Helper(); w.scanAfter(0) }

// scanAfter is the scan so much later.
func (w *world) scanAfter(later time.Duration) monitor.Report {
	w.Helper()
	cfg := server.Config()
	cfg.HTTPClient = archive{cfg.HTTPClient, w}
	set, err := backend.Open(cfg, []string{w.TableARN}, []string{w.BucketARN})
	if err != nil {
		w.Fatal(err)
	}
	u := w.newUnlocker(server.Config(), set, 30*time.Minute, func() time.Time { return time.Now().Add(later) })
	m := w.newMonitor(u)
	m.Releases = unlock.Finisher{Releases: w.releases(), Composer: u.Composer, Topic: u.Topic, Meter: u.Meter, Guard: guard, Log: u.Log}
	report, err := m.Run(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return report
}

const guard = 10 * time.Minute

// newUnlocker is the function with these clients and stores, this threshold and a clock.
func (w *world) newUnlocker(cfg aws.Config, stores backend.Set, threshold time.Duration, now func() time.Time) *unlock.Unlocker {
	client := dynamodb.NewFromConfig(cfg)
	return &unlock.Unlocker{
		Stores: stores, Composer: alert.Composer{Account: "123456789012", Region: local.Region}, AutoReleases: ledger.NewAutoReleases(client, w.Ledger),
		Memory: ledger.NewNotifications(client, w.Ledger), Releases: ledger.NewReleases(client, w.Ledger),
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Test"),
		Rules: policy.Rules{Thresholds: policy.Thresholds{Default: threshold}, ReleaseGuard: guard}, Now: now, Log: slog.New(slog.DiscardHandler),
	}
}

// newMonitor is one that works beside that function.
func (w *world) newMonitor(u *unlock.Unlocker) *monitor.Monitor {
	return &monitor.Monitor{
		Scanner: scan.New(u.Stores, u.Rules, u.Now), Ledger: w.memory(), Released: w.releases(), Composer: u.Composer, Topic: u.Topic, Meter: metric.NewPublisher(server.Config(), "Test"),
		RemindEvery: 4 * time.Hour, Now: u.Now, Log: u.Log,
	}
}

func (w *world) run(wire *local.Wire, r unlock.Request) (unlock.Answer, error) {
	w.Helper()
	cfg := server.ConfigOver(wire)
	if w.wire != nil {
		cfg.HTTPClient = w.wire
	}
	cfg.HTTPClient = archive{cfg.HTTPClient, w}
	set, err := backend.Open(cfg, []string{w.TableARN}, []string{w.BucketARN}) // an empty ARN is none
	if err != nil {
		w.Fatal(err)
	}
	if w.wire != nil {
		set.Distrust()
	}
	u := w.newUnlocker(cfg, set, 30*time.Minute, func() time.Time { return time.Now().Add(w.ahead) })
	u.SearchTime = w.searchTime
	return u.Run(context.Background(), r, "request")
}

func request(w *world, id, more string) unlock.Request {
	w.Helper()
	r, err := unlock.ParseRequest([]byte(fmt.Sprintf(`{"lock_id":%q,"reason":"test","requested_by":"me"%s}`, id, more)))
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) memory() *ledger.Notifications {
	return ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.Ledger)
}

func (w *world) releases() *ledger.Releases {
	return ledger.NewReleases(dynamodb.NewFromConfig(server.Config()), w.Ledger)
}

// unfinished are the records that remain to be finished, of one lock ID or of all.
func (w *world) unfinished(id string) []ledger.Recorded {
	w.Helper()
	var list []ledger.Recorded
	for one, err := range w.releases().Unfinished(w.Context(), id) {
		if err != nil {
			w.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

func (w *world) published() []string {
	w.Helper()
	var types []string
	for _, m := range w.Published() {
		types = append(types, m.Attributes["type"])
	}
	return types
}

// remember writes what a scan would have remembered of the lock on k.
func (w *world) remember(id string, firstSeen time.Time) {
	w.Helper()
	lease, err := w.memory().Begin(w.Context(), "test", &scan.Scan{Started: firstSeen}, firstSeen)
	if err != nil {
		w.Fatal(err)
	}
	key := ledger.Key{Path: w.Path("k"), ID: id}
	entry := ledger.Entry{FirstSeen: firstSeen, Stores: []string{w.TableARN}, Expires: time.Now().Add(time.Hour)}
	if err := lease.Record(w.Context(), slices.Values([]ledger.Step{{Change: ledger.Note, Key: key, Entry: entry}})); err != nil {
		w.Fatal(err)
	}
	if err := lease.End(w.Context(), nil); err != nil {
		w.Fatal(err)
	}
}
