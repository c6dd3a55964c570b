package unlock_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// throttled is DynamoDB whose answer to the first delete of a row is lost, after which it throttles what throttles says.
type throttled struct {
	aws.HTTPClient
	mu        sync.Mutex // stores are read side by side
	deletes   int
	lost      func() // the answer is
	throttles func(call string) bool
}

func (d *throttled) Do(r *http.Request) (*http.Response, error) {
	call := r.Header.Get("X-Amz-Target")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deletes > 0 && d.throttles(call) {
		return &http.Response{
			StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}`)),
		}, nil
	}
	response, err := d.HTTPClient.Do(r)
	if strings.HasSuffix(call, ".DeleteItem") && err == nil {
		if d.deletes++; d.deletes == 1 {
			_ = response.Body.Close()
			d.lost()
			return nil, errors.New("connection reset by peer")
		}
	}
	return response, err
}

// The first answer to the delete of a row is lost, its client, which waited for it, has it again with the same bytes, and DynamoDB throttles every
// later attempt: that the last attempt was answered says nothing of the first one.
func TestARepeatOfAThrottledReleaseRemovesNoRowThatIsTakenAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		again     bool // it is taken again before the next attempt
		throttles string
	}{"every later attempt": {true, ".DeleteItem"}, "the look after a refused condition": {false, ".GetItem"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			table := w.Set.Tables[0]
			w.Lock("k", "waiting", table)
			held, _, err := table.Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			w.scan()
			take := func() {
				if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(held.Raw)); err != nil {
					t.Error(err)
				}
			}
			looks := 0
			wire := &throttled{HTTPClient: server.ConfigOver(&local.Wire{}).HTTPClient}
			wire.lost = func() {
				if tc.again {
					take()
				}
			}
			wire.throttles = func(call string) bool {
				if !strings.HasSuffix(call, tc.throttles) {
					return false
				}
				if looks++; tc.again || looks <= 3 {
					return true
				}
				if looks == 4 {
					take()
				}
				return false
			}
			cfg := server.Config()
			cfg.HTTPClient = wire
			cfg.Retryer = func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None })
			}
			set, err := backend.Open(cfg, []string{w.TableARN}, []string{w.BucketARN})
			if err != nil {
				t.Fatal(err)
			}
			u := w.newUnlocker(server.Config(), set, 30*time.Minute, func() time.Time { return time.Now().Add(w.ahead) })
			first, err := u.Run(context.Background(), request(w, "waiting", ""), "request")
			t.Logf("%s %q %v", first.Outcome, first.Message, err)
			if len(w.held()) != 1 {
				t.Fatalf("its client does not have it: %+v, %v", first, err)
			}
			again, err := w.run(&local.Wire{}, request(w, "waiting", ""))
			if len(w.held()) != 1 || err != nil || again.Outcome != unlock.Refused || first.Outcome != unlock.Partial {
				t.Errorf("%+v, then %+v, %v; held: %q", first, again, err, w.held())
			}
		})
	}
}
