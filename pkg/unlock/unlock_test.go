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
	"github.com/aws/aws-sdk-go-v2/service/s3"
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

// world is a table and a bucket with locks, a ledger and a topic. Its clock runs an
// hour ahead, so that what was put is an hour old.
type world struct {
	searchTime time.Duration // of unlock; 0: as deployed
	*testing.T
	local.Place
	set   backend.Set
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
	w := &world{T: t, ahead: time.Hour}
	var err error
	if w.Place, err = server.MakePlace(t.Context(), name); err == nil {
		w.set, err = backend.Open(server.Config(), []string{w.TableARN}, []string{w.BucketARN})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// lock takes a lock in these stores, as a client does.
func (w *world) lock(key, id string, stores ...backend.Store) {
	w.Helper()
	if err := local.TakeLock(context.Background(), w.Path(key), id, stores...); err != nil {
		w.Fatal(err)
	}
}

// held lists all locks as "key id kinds".
func (w *world) held() []string {
	w.Helper()
	var holdings []tflock.Holding
	for _, s := range w.set.All() {
		for h, err := range s.Holdings(context.Background()) {
			if err != nil {
				w.Fatal(err)
			}
			holdings = append(holdings, h)
		}
	}
	list := []string{}
	for _, l := range tflock.Merge(holdings) {
		list = append(list, fmt.Sprint(strings.TrimPrefix(string(l.Path), w.Bucket+"/"), " ", l.ID, " ", l.Kinds()))
	}
	return list
}

// scan lets the monitor see the locks, as it does on its schedule.
func (w *world) scan() { w.Helper(); w.scanAfter(0) }

// scanAfter is the scan so much later.
func (w *world) scanAfter(later time.Duration) monitor.Report {
	w.Helper()
	now := func() time.Time { return time.Now().Add(later) }
	composer := alert.Composer{Account: "123456789012", Region: local.Region}
	cfg := server.Config()
	cfg.HTTPClient = archive{cfg.HTTPClient, w}
	set, err := backend.Open(cfg, []string{w.TableARN}, []string{w.BucketARN})
	if err != nil {
		w.Fatal(err)
	}
	m := &monitor.Monitor{
		Scanner: scan.New(set, policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: guard}, now),
		Ledger:  w.memory(), Released: w.releases(), Composer: composer,
		Topic: alert.NewTopic(sns.NewFromConfig(server.Config()), w.Topic), Meter: metric.NewPublisher(server.Config(), "Test"),
		RemindEvery: 4 * time.Hour, Now: now, Log: slog.New(slog.DiscardHandler),
	}
	m.Releases = unlock.Finisher{Releases: w.releases(), Composer: composer, Topic: m.Topic, Meter: metric.NewPublisher(server.Config(), "Test"), Log: m.Log}
	report, err := m.Run(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return report
}

const guard = 10 * time.Minute

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
	composer := alert.Composer{Account: "123456789012", Region: local.Region}
	u := &unlock.Unlocker{
		Stores: set, Composer: composer, Autos: ledger.NewAutos(dynamodb.NewFromConfig(cfg), w.Ledger),
		Memory: ledger.NewNotifications(dynamodb.NewFromConfig(cfg), w.Ledger), Releases: ledger.NewReleases(dynamodb.NewFromConfig(cfg), w.Ledger),
		Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic), Meter: metric.NewPublisher(cfg, "Test"),
		Rules: policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: guard},
		Now:   func() time.Time { return time.Now().Add(w.ahead) }, Log: slog.New(slog.DiscardHandler), SearchTime: w.searchTime,
	}
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

func (w *world) published() []string {
	w.Helper()
	messages, err := server.Published(w.Topic)
	if err != nil {
		w.Fatal(err)
	}
	var types []string
	for _, m := range messages {
		types = append(types, m.Attributes["type"])
	}
	return types
}

func TestOutcomes(t *testing.T) {
	const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"
	pasted := func(w *world, key string) string {
		return string("Error acquiring the state lock\n\nLock Info:\n  ID:        " + id + "\n  Path:      " + w.Path(key) + "\n")
	}
	both := func(w *world) []backend.Store { return w.set.All() }
	for name, tc := range map[string]struct {
		prepare  func(w *world)
		unseen   bool                  // no scan has seen the locks
		id       func(w *world) string // what is asked for; nil: the ID
		more     string                // more of the payload
		want     unlock.Outcome
		released []tflock.Kind
		left     []string
		notified []string
		says     string
	}{
		"both halves go": {
			prepare: func(w *world) { w.lock("k", id, both(w)...) }, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"}, says: "held for 1h",
		},
		"a half-lock goes": {
			prepare: func(w *world) { w.lock("k", id, w.set.Tables[0]) }, want: unlock.Released, released: []tflock.Kind{tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"both halves go by S3's time, before any scan has seen them": {
			prepare: func(w *world) { w.lock("k", id, both(w)...) }, unseen: true, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"a row that says it is old and that no scan has seen is refused": {
			prepare: func(w *world) { w.lock("k", id, w.set.Tables[0]) }, unseen: true, want: unlock.Refused,
			left: []string{"k " + id + " [dynamodb]"}, notified: []string{"lock.refused"}, says: "no scan has seen this lock before",
		},
		"the path names the lock": {
			prepare: func(w *world) { w.lock("k", id, both(w)...); w.lock("j", id, both(w)...) }, more: `,"path":"PATH"`,
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j " + id + " [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"another lock on the path that is given": {
			prepare: func(w *world) { w.lock("k", "other", both(w)...); w.lock("j", id, both(w)...) }, more: `,"path":"PATH"`,
			want: unlock.Changed, left: []string{"j " + id + " [dynamodb s3]", "k other [dynamodb s3]"}, says: "other",
		},
		"an empty path is none": {
			prepare: func(w *world) { w.lock("k", id, both(w)...) }, more: `,"path":""`, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"the pasted error names the lock": {
			prepare: func(w *world) { w.lock("k", id, both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"another lock stays": {
			prepare: func(w *world) { w.lock("k", id, both(w)...); w.lock("j", "other", both(w)...) },
			want:    unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j other [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"a rival on the same path stays": {
			prepare: func(w *world) { w.lock("k", id, w.set.Buckets[0]); w.lock("k", "rival", w.set.Tables[0]) },
			want:    unlock.Released, released: []tflock.Kind{tflock.S3}, left: []string{"k rival [dynamodb]"}, notified: []string{"lock.released"},
		},
		"nothing there": {prepare: func(*world) {}, want: unlock.NotFound, says: "There is no lock"},
		"another lock on the named path": {
			prepare: func(w *world) { w.lock("k", "other", both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Changed, left: []string{"k other [dynamodb s3]"}, says: "other",
		},
		"one ID on two states": {
			prepare: func(w *world) { w.lock("k", id, both(w)...); w.lock("j", id, both(w)...) },
			want:    unlock.Ambiguous, left: []string{"j " + id + " [dynamodb s3]", "k " + id + " [dynamodb s3]"},
		},
		"one ID on two states, and the text says which": {
			prepare: func(w *world) { w.lock("k", id, both(w)...); w.lock("j", id, both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j " + id + " [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"a young lock is refused": {
			prepare: func(w *world) { w.ahead = time.Minute; w.lock("k", id, both(w)...) },
			want:    unlock.Refused, left: []string{"k " + id + " [dynamodb s3]"}, notified: []string{"lock.refused"}, says: "only 1m",
		},
		"a dry run of a young lock is refused, and tells nobody": {
			prepare: func(w *world) { w.ahead = time.Minute; w.lock("k", id, both(w)...) }, more: `,"dry_run":true`,
			want: unlock.Refused, left: []string{"k " + id + " [dynamodb s3]"},
		},
		"force overrides the guard": {
			prepare: func(w *world) { w.ahead = time.Minute; w.lock("k", id, both(w)...) }, more: `,"force":true`,
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"a state written lately is refused": {
			prepare: func(w *world) {
				w.lock("k", id, w.set.Tables[0])
				_, err := server.S3().PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String("k"), Body: strings.NewReader("{}")})
				if err != nil {
					w.Fatal(err)
				}
				w.ahead = 8 * time.Minute // the lock is old by what an earlier scan saw
				w.remember(id, time.Now().Add(-time.Hour))
			},
			unseen: true, want: unlock.Refused, left: []string{"k " + id + " [dynamodb]"}, notified: []string{"lock.refused"}, says: "the state was written",
		},
		"a dry run releases nothing": {
			prepare: func(w *world) { w.lock("k", id, both(w)...) }, more: `,"dry_run":true`,
			want: unlock.WouldRelease, left: []string{"k " + id + " [dynamodb s3]"}, says: "Nothing was touched",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.prepare(w)
			if !tc.unseen {
				w.scan()
			}
			asked := id
			if tc.id != nil {
				asked = tc.id(w)
			}
			a, err := w.run(&local.Wire{}, request(w, asked, strings.ReplaceAll(tc.more, "PATH", string(w.Path("k")))))
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome != tc.want || !slices.Equal(a.Released, tc.released) || !strings.Contains(a.Message, tc.says) || len(a.NextSteps) == 0 {
				t.Errorf("got %+v", a)
			}
			if got := w.held(); !slices.Equal(got, tc.left) && len(got)+len(tc.left) > 0 {
				t.Errorf("left %q, want %q", got, tc.left)
			}
			if got := w.published(); !slices.Equal(got, tc.notified) {
				t.Errorf("notified %q, want %q", got, tc.notified)
			}
		})
	}
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

func TestParseRequestSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct{ payload, want string }{
		"no reason":            {`{"lock_id":"x"}`, "reason is missing"},
		"a blank reason":       {`{"lock_id":"x","reason":" "}`, "reason is missing"},
		"no lock_id":           {`{"reason":"y"}`, "lock_id is missing"},
		"an empty lock_id":     {`{"lock_id":"","reason":"y"}`, "lock_id is missing"},
		"a number as lock_id":  {`{"lock_id":7,"reason":"y"}`, "lock_id must be a string"},
		"a string as force":    {`{"lock_id":"x","reason":"y","force":"yes"}`, "force must be a bool"},
		"a field misspelt":     {`{"lockid":"x","reason":"y"}`, "there is no field \"lockid\""},
		"rubbish as lock_id":   {`{"lock_id":"please unlock production","reason":"y"}`, "no lock ID in the text"},
		"an address as path":   {`{"lock_id":"x","path":"s3://b/k","reason":"y"}`, "path must be bucket/key"},
		"two objects":          {`{"lock_id":"x","reason":"y"}{}`, "something after"},
		"not JSON":             {`lock_id=x`, "not a JSON object"},
		"nothing":              {``, "not a JSON object"},
		"a list":               {`[]`, "not a JSON object"},
		"an ID that is a trap": {`{"lock_id":"{}","reason":"y"}`, "no lock ID in the text"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := unlock.ParseRequest([]byte(tc.payload)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := unlock.ParseRequest([]byte(`{"lock_id":"x","dry_run":true}`)); err != nil {
		t.Errorf("a dry run needs no reason: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"lock_id":"x","reason":"y"}`))
	f.Add([]byte(`{"lock_id":"Lock Info:\n  ID: x","reason":"y","force":true}`))
	for _, hostile := range []string{
		``, `null`, `[]`, `"x"`, `{"lock_id":"x","reason":"y"}{}`, `{"lock_id":"x","lock_id":"","reason":"y"}`, `{"LOCK_ID":"x","reason":"y"}`, `{"lock_id":1e9999}`,
		`{"lock_id":"x","dry_run":"true"}`, `{"lock_id":"\ud800","reason":"\u0000"}`, "{\"lock_id\":\"\xff\",\"reason\":\"\xff\"}", strings.Repeat(`{"lock_id":`, 10_001),
	} {
		f.Add([]byte(hostile))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := unlock.ParseRequest(payload)
		if err == nil && (strings.TrimSpace(r.LockID) == "" || (strings.TrimSpace(r.Reason) == "" && !r.DryRun)) {
			t.Fatalf("accepted %+v", r)
		}
	})
}
