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

// filter takes a message with a text in it, and does not answer: a mail server may do so for what is in a lock.
type filter struct {
	*tap
	text string
}

func (f filter) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "Action=Publish") && strings.Contains(string(body), f.text) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
	}
	return f.tap.Do(r)
}

func TestMessagesThatAMailServerStallsTakeNoTimeFromThoseOfOthers(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		locks := scale.LockTable("locks", scale.Crowd{})
		for i := range 8 {
			locks.Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprintf("id-%d", i), time.Now().Add(-2*time.Hour)))
		}
		locks.Put(scale.Lock("states/prod/x", "prod", time.Now().Add(-time.Hour)))
		w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
		tap := &tap{Direct: scale.Direct{World: w}}
		a := watchOver(t, w, scale.Config(filter{tap, "states%2Fdev"}), []string{scale.TableARN("locks")}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := a.monitor.Run(ctx); err == nil {
			t.Error("it does not say what was not published")
		}
		if tap.types() != "lock.stuck" || tap.events[0].Lock.Path != "states/prod/x" {
			t.Errorf("published: %q", tap.types())
		}
	})
}

// slow takes messages after a while.
type slow struct{ *tap }

func (s slow) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "Action=Publish") {
			select {
			case <-time.After(16 * time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	return s.tap.Do(r)
}

// A mail server may take its time for each mail, to greet or to look at what is in it: less than the mailer waits.
func TestAMailServerThatIsSlowGetsEachMessage(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		locks := scale.LockTable("locks", scale.Crowd{})
		for i := range 3 {
			locks.Put(scale.Lock(fmt.Sprintf("states/prod/%d", i), fmt.Sprintf("id-%d", i), time.Now().Add(-2*time.Hour)))
		}
		w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
		tap := &tap{Direct: scale.Direct{World: w}}
		a := watchOver(t, w, scale.Config(slow{tap}), []string{scale.TableARN("locks")}, nil)
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, _ = a.monitor.Run(ctx) // it says what is not published yet
			cancel()
			time.Sleep(5 * time.Minute)
		}
		if tap.types() != "lock.stuck lock.stuck lock.stuck" {
			t.Errorf("published: %q", tap.types())
		}
	})
}
