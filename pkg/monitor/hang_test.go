package monitor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/monitor"
)

// look is a call that looks at one state.
const look = "look"

// tap listens to what the monitor sends, and keeps some calls from being answered.
type tap struct {
	scale.Direct

	mu       sync.Mutex
	hang     []string // calls that are never answered, such as "UpdateItem", "Publish" or look
	deny     []string // calls that are refused
	withheld []string // keys of objects that S3 does not give
	metrics  map[string]float64
	events   []alert.Event
}

func (t *tap) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	form, _ := url.ParseQuery(string(body)) // DynamoDB's JSON is none
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	call += form.Get("Action")
	if r.URL.Query().Get("prefix") != "" {
		call = look
	}
	t.mu.Lock()
	hang, deny := slices.Contains(t.hang, call), slices.Contains(t.deny, call)
	withheld := r.Method == http.MethodGet && slices.ContainsFunc(t.withheld, func(key string) bool { return strings.HasSuffix(r.URL.Path, "/"+key) })
	t.mu.Unlock()
	switch {
	case withheld:
		return answer(r, http.StatusServiceUnavailable, `<Error><Code>ServiceUnavailable</Code><Message>x</Message></Error>`), nil
	case hang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case deny:
		const denied = `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"no"}`
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(denied)), Request: r,
		}, nil
	}
	t.hear(form)
	return t.Direct.Do(r)
}

func answer(r *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}
}

func (t *tap) hear(form url.Values) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch form.Get("Action") {
	case "Publish":
		var texts map[string]string
		var e alert.Event
		if json.Unmarshal([]byte(form.Get("Message")), &texts) == nil && json.Unmarshal([]byte(texts["default"]), &e) == nil {
			t.events = append(t.events, e)
		}
	case "PutMetricData":
		t.metrics = map[string]float64{}
		for i := 1; form.Has(member(i, "MetricName")); i++ {
			t.metrics[form.Get(member(i, "MetricName"))], _ = strconv.ParseFloat(form.Get(member(i, "Value")), 64)
		}
	}
}

func member(i int, name string) string {
	return "MetricData.member." + strconv.Itoa(i) + "." + name
}

// expect sets which calls fail from now on, and forgets what was heard.
func (t *tap) expect(hang, deny []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hang, t.deny, t.metrics, t.events = hang, deny, nil, nil
}

func (t *tap) types() string {
	var types []string
	for _, e := range t.events {
		types = append(types, string(e.Type))
	}
	return strings.Join(types, " ")
}

func stuckForAnHour(locks int) scale.Crowd {
	return scale.Crowd{States: locks, Locks: locks, Taken: time.Now().Add(-time.Hour)}
}

// tapped is an account with two locks that are stuck for an hour, in one table.
func tapped(t *testing.T) (*account, *tap) {
	t.Helper()
	w := &scale.World{
		Latency: time.Millisecond,
		Tables: map[string]*scale.Table{
			"locks":  scale.LockTable("locks", stuckForAnHour(2)),
			"ledger": scale.Ledger("ledger"),
		},
	}
	tap := &tap{Direct: scale.Direct{World: w}}
	return watchOver(t, w, scale.Config(tap), []string{scale.TableARN("locks")}, nil), tap
}

// within is a scan by an invocation with two seconds left.
func (a *account) within() (monitor.Report, error) {
	ctx, cancel := context.WithTimeout(a.Context(), 2*time.Second)
	defer cancel()
	return a.monitor.Run(ctx)
}

func TestMetricsAreSentWhateverHangs(t *testing.T) {
	for name, tc := range map[string]struct {
		hang     []string
		events   string // of the scan
		later    string // of the next one, when nothing hangs
		recorded bool   // the locks' sightings
	}{
		"the ledger":               {[]string{"UpdateItem", "Query", "GetItem"}, "", "lock.stuck lock.stuck", false},
		"reading the ledger":       {[]string{"Query"}, "", "lock.stuck lock.stuck", false},
		"writing into the ledger":  {[]string{"BatchWriteItem"}, "lock.stuck lock.stuck", "lock.stuck lock.stuck", false},
		"notifications themselves": {[]string{"Publish"}, "", "lock.stuck lock.stuck", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				a, tap := tapped(t)
				tap.expect(tc.hang, nil)
				if report, err := a.within(); err == nil || report.Stuck != 2 {
					t.Errorf("%+v, %v", report, err)
				}
				if tap.metrics["LocksHeld"] != 2 || tap.metrics["StuckLocks"] != 2 || tap.metrics["OldestLockAge"] < 3600 {
					t.Errorf("metrics: %v", tap.metrics)
				}
				if tap.types() != tc.events {
					t.Errorf("published %q, want %q", tap.types(), tc.events)
				}
				if recorded := a.world.Tables["ledger"].Len() > 1; recorded != tc.recorded {
					t.Errorf("recorded: %v", recorded)
				}
				tap.expect(nil, nil)
				a.monitor.Now = func() time.Time { return time.Now().Add(2 * time.Minute) } // the lease has run out
				if _, err := a.monitor.Run(t.Context()); err != nil || tap.types() != tc.later {
					t.Errorf("later %q, want %q: %v", tap.types(), tc.later, err)
				}
			})
		})
	}
}

// An invocation with four seconds left, and a bucket that gives its listing and no single state.
func TestLooksThatHangTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		w := &scale.World{
			Latency: time.Millisecond,
			Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", stuckForAnHour(2)), "ledger": scale.Ledger("ledger")},
			Buckets: map[string]*scale.Bucket{"states": {Name: "states", Crowd: scale.Crowd{States: 5001}}}, // too many for the listing to tell
		}
		tap := &tap{Direct: scale.Direct{World: w}, hang: []string{look}}
		a := watchOver(t, w, scale.Config(tap), []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		report, err := a.monitor.Run(ctx)
		if err != nil || report.Stuck != 2 || !report.Complete {
			t.Errorf("%+v, %v", report, err)
		}
		if tap.types() != "lock.stuck lock.stuck" || tap.metrics["StuckLocks"] != 2 {
			t.Errorf("published %q, metrics: %v", tap.types(), tap.metrics)
		}
	})
}

func TestAFailingTableIsNoAllClear(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := tapped(t)
		a.scan()
		tap.expect(nil, []string{"Scan"})
		report, err := a.monitor.Run(t.Context())
		if err == nil || report.Held != 0 || report.Complete {
			t.Errorf("the answer counts what was read: %+v, %v", report, err)
		}
		if m := tap.metrics; m["LocksHeld"] != 2 || m["StuckLocks"] != 2 || m["OldestLockAge"] < 3600 || m["ScanErrors"] != 1 {
			t.Errorf("metrics: %v", m)
		}
		if tap.types() != "scan.failed" {
			t.Errorf("published %q", tap.types())
		}

		tap.expect([]string{"UpdateItem"}, []string{"Scan"})
		if _, err := a.within(); err == nil {
			t.Error("a scan that knows nothing must fail")
		}
		if _, sent := tap.metrics["StuckLocks"]; sent || len(tap.metrics) == 0 {
			t.Errorf("nobody knows how many are stuck, and zero would be an all-clear: %v", tap.metrics)
		}
		if _, sent := tap.metrics["LocksHeld"]; !sent {
			t.Error("the dead man's switch hears nothing")
		}

		tap.expect(nil, nil)
		a.monitor.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
		a.world.Tables["locks"].Crowd.Locks = 0
		for range 2 {
			a.scan()
		}
		if tap.metrics["StuckLocks"] != 0 || tap.types() != "lock.resolved lock.resolved scan.recovered" {
			t.Errorf("%q, %v", tap.types(), tap.metrics)
		}
	})
}
