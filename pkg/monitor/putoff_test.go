package monitor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// putOff refuses a message with a text in it for now, or does not answer, each time that it comes: a mail server may do so for what is in a lock.
type putOff struct {
	*tap
	text   string
	stalls bool
}

func (p putOff) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "Action=Publish") && strings.Contains(string(body), p.text) {
			if p.stalls {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			const answer = `<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>the mail was not sent: 451</Message></Error></ErrorResponse>`
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
		}
	}
	return p.tap.Do(r)
}

// Whoever takes a lock chooses what a mail server dislikes, and has locks of others share its message: those of other prefixes come all the same.
func TestAMessageThatIsPutOffKeepsNoLocksOfOthersBack(t *testing.T) {
	t.Parallel()
	const hostile = "evil.example"
	taken := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	junk := func(key string) scale.Item { return scale.Item{"LockID": {"S": key}, "Info": {"S": "x"}} }
	for name, tc := range map[string]struct {
		before, then func(locks *scale.Table) // what there is before the first scan, and from then on
		comes        string
	}{
		"locks that are stuck at once": {func(*scale.Table) {}, func(locks *scale.Table) {
			for i := range 11 {
				locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%d", i), fmt.Sprintf("id-%d", i), hostile, taken()))
			}
			locks.Put(scale.Lock("states/prod/x", "prod", taken()))
		}, "lock.stuck"},
		"the reminder of a lock that was written again": {func(locks *scale.Table) {
			locks.Put(scale.LockOf("states/dev/x", "dev", "me@host", taken()))
			locks.Put(scale.Lock("states/prod/x", "prod", taken()))
		}, func(locks *scale.Table) { locks.Put(scale.LockOf("states/dev/x", "dev", hostile, taken())) }, "lock.reminder"},
		"rows that hold junk": {func(*scale.Table) {}, func(locks *scale.Table) {
			locks.Put(junk("states/dev/" + hostile))
			locks.Put(junk("states/prod/x"))
		}, "lock.unreadable"},
	} {
		for _, stalls := range []bool{false, true} {
			t.Run(fmt.Sprint(name, stalls), func(t *testing.T) {
				t.Parallel()
				ownClock(t, func(t *testing.T) {
					locks := scale.LockTable("locks", scale.Crowd{})
					w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
					tap := &tap{Direct: scale.Direct{World: w}}
					a := watchOver(t, w, scale.Config(putOff{tap, hostile, stalls}), []string{scale.TableARN("locks")}, nil)
					tc.before(locks)
					for scan := range 12 * 6 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						_, _ = a.monitor.Run(ctx) // it says what is not published
						cancel()
						time.Sleep(5 * time.Minute)
						if scan == 0 {
							tc.then(locks)
						}
					}
					for _, e := range tap.events {
						if string(e.Type) == tc.comes && strings.Contains(fmt.Sprintf("%+v", e), "states/prod/x") {
							return
						}
					}
					t.Errorf("in six hours there is no %s of the lock of production", tc.comes)
				})
			})
		}
	}
}
