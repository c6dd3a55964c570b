//go:build !race

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

// usual takes each message after a moment, as a mail server does.
type usual struct {
	*tap
	text  string
	takes time.Duration
}

func (u usual) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.Contains(string(body), "Action=Publish") {
			wait := time.After(u.takes)
			if strings.Contains(string(body), u.text) {
				wait = nil
			}
			select {
			case <-wait:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	return u.tap.Do(r)
}

// Whoever has a mail server stall on several kinds of messages of one prefix takes no time from the reminders and the news of others.
func TestSeveralMessagesOnWhichAMailServerStallsTakeNoTimeFromThoseOfOthers(t *testing.T) {
	t.Parallel()
	const hostile = "evil.example"
	for _, takes := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				taken := time.Now().Add(-2 * time.Hour)
				locks := scale.LockTable("locks", scale.Crowd{})
				w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
				tap := &tap{Direct: scale.Direct{World: w}}
				a := watchOver(t, w, scale.Config(usual{tap, hostile, takes}), []string{scale.TableARN("locks")}, nil)
				locks.Put(scale.LockOf("states/dev/x", "dev", "me@host", taken))
				locks.Put(scale.Lock("states/prod/x", "prod", taken))
				locks.Put(scale.Lock("states/prod/y", "prod-y", taken))
				start := time.Now()
				for scan := range 12 * 6 {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					before := time.Now()
					_, _ = a.monitor.Run(ctx)
					cancel()
					time.Sleep(5*time.Minute - time.Since(before))
					if scan == 0 {
						locks.Put(scale.LockOf("states/dev/x", "dev", hostile, taken))
						locks.Put(scale.LockOf("states/dev/y", "dev-y", hostile, taken))
					}
					if scan == 12*5 {
						locks.Remove("states/prod/y")
					}
				}
				reminded, resolved := "", ""
				for _, e := range tap.events {
					text := fmt.Sprintf("%+v", e)
					if string(e.Type) == "lock.reminder" && strings.Contains(text, "states/prod/x") {
						reminded += " " + e.Time.Sub(start).String()
					}
					if string(e.Type) == "lock.resolved" && strings.Contains(text, "states/prod/y") {
						resolved += " " + e.Time.Sub(start).String()
					}
				}
				t.Logf("reminders %q, resolved %q", reminded, resolved)
				if reminded == "" || resolved == "" {
					t.Errorf("in six hours: reminders %q, resolved %q", reminded, resolved)
				}
			})
		})
	}
}

// Whoever fills folders with a name that a mail server stalls on takes no time from the news of others.
func TestFailuresOnWhichAMailServerStallsTakeNoTimeFromTheLocksOfOthers(t *testing.T) {
	t.Parallel()
	const hostile = "evil.example"
	for _, takes := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				taken := time.Now().Add(-2 * time.Hour)
				locks := scale.LockTable("locks", scale.Crowd{})
				bucket := &scale.Bucket{Name: "states"}
				w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}, Buckets: map[string]*scale.Bucket{"states": bucket}}
				tap := &tap{Direct: scale.Direct{World: w}}
				a := watchOver(t, w, scale.Config(usual{tap, hostile, takes}), []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
				a.monitor.Scanner.SetLimit(40)
				for i := range 60 {
					locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%s/row-%d", hostile, i), fmt.Sprintf("id-%d", i), "x", time.Now()))
					bucket.Put(fmt.Sprintf("dev/%s/object-%d.tflock", hostile, i), fmt.Sprintf(`{"ID":"o-%d","Path":"states/dev/%s/object-%d","Created":"2025-12-31T23:00:00Z"}`, i, hostile, i), time.Now())
				}
				locks.Put(scale.LockOf("states/dev/y", "dev-y", hostile, taken))
				locks.Put(scale.Lock("states/prod/x", "prod", taken))
				start := time.Now()
				for range 24 {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					before := time.Now()
					_, _ = a.monitor.Run(ctx)
					cancel()
					time.Sleep(5*time.Minute - time.Since(before))
				}
				stuck := ""
				for _, e := range tap.events {
					if text := fmt.Sprintf("%+v", e); string(e.Type) == "lock.stuck" && strings.Contains(text, "states/prod/x") {
						stuck += " " + e.Time.Sub(start).String()
					}
				}
				t.Logf("%s: stuck %q", tap.types(), stuck)
				if stuck == "" {
					t.Error("in two hours nobody learned that the lock of production is stuck")
				}
			})
		})
	}
}

// Whoever has people reminded of a folder whose name a mail server dislikes keeps no reminder of another store back.
func TestAReminderOfFailuresThatIsPutOffKeepsNoStoreBack(t *testing.T) {
	t.Parallel()
	const hostile = "evil.example"
	ownClock(t, func(t *testing.T) {
		locks := scale.LockTable("locks", scale.Crowd{})
		fill := func(folder string) {
			for i := range 60 {
				locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%s/%d", folder, i), fmt.Sprintf("id-%d", i), "x", time.Now()))
			}
		}
		w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
		tap := &tap{Direct: scale.Direct{World: w}}
		a := watchOver(t, w, scale.Config(putOff{tap, hostile, false}), []string{scale.TableARN("locks"), scale.TableARN("production")}, nil)
		a.monitor.Scanner.SetLimit(40)
		fill("x")
		start := time.Now()
		for scan := range 24 * 12 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			before := time.Now()
			_, _ = a.monitor.Run(ctx)
			cancel()
			time.Sleep(5*time.Minute - time.Since(before))
			if scan == 0 {
				for i := range 60 {
					locks.Remove(fmt.Sprintf("states/dev/x/%d", i))
				}
				fill(hostile)
			}
		}
		var failed []string
		for _, e := range tap.events {
			if strings.Contains(fmt.Sprintf("%+v", e.Stores), scale.TableARN("production")) {
				failed = append(failed, e.Time.Sub(start).String())
			}
		}
		if len(failed) < 3 {
			t.Errorf("in a day people learned at %v that production's table is not watched", failed)
		}
	})
}
