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
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// evil is what mail servers dislike: whoever takes a lock chooses its text.
const evil = "evil.example"

// mailServer is a tap whose messages go by mail. It takes each after a while, but one with what it dislikes: that it puts off, or never answers to.
type mailServer struct {
	*tap
	takes    time.Duration
	dislikes string // as a request has it; empty: nothing
	stalls   bool
}

func (m mailServer) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return m.tap.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !strings.Contains(string(body), "Action=Publish") {
		return m.tap.Do(r)
	}
	taken := time.After(m.takes)
	if m.dislikes != "" && strings.Contains(string(body), m.dislikes) {
		if !m.stalls {
			return answer(r, http.StatusServiceUnavailable, `<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>the mail was not sent: 451</Message></Error></ErrorResponse>`), nil
		}
		taken = nil
	}
	select {
	case <-taken:
		return m.tap.Do(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func answer(r *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}
}

// overheard is an account with a lock table and a bucket whose messages go by that mail server. Other tables that are watched need not be there.
func overheard(t *testing.T, server mailServer, others ...string) (*account, *tap) {
	t.Helper()
	w := &scale.World{
		Latency: time.Millisecond,
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	server.tap = &tap{Direct: scale.Direct{World: w}}
	tables := []string{scale.TableARN("locks")}
	for _, name := range others {
		tables = append(tables, scale.TableARN(name))
	}
	return watchOver(t, w, scale.Config(server), tables, []string{scale.BucketARN("states")}), server.tap
}

func (a *account) locks() *scale.Table { return a.world.Tables["locks"] }

// crowd is how many locks in a folder are more than a limited scan reads.
const crowd = 60

// crowdTable puts more locks into a folder of the table than a limited scan reads.
func (a *account) crowdTable(folder string) {
	for i := range crowd {
		a.locks().Put(scale.LockOf(fmt.Sprintf("states/%srow-%d", folder, i), fmt.Sprintf("id-%d", i), "x", time.Now()))
	}
}

// fillBucket puts so many lock objects into a folder of the bucket.
func (a *account) fillBucket(folder string, count int) {
	for i := range count {
		a.lockObject(fmt.Sprintf("%sobject-%d", folder, i))
	}
}

// lockObject puts the lock object of a state of this key.
func (a *account) lockObject(key string) {
	a.world.Buckets["states"].Put(key+".tflock", fmt.Sprintf(`{"ID":"of-%s","Path":"states/%s","Created":"2025-12-31T23:00:00Z"}`, key, key), time.Now())
}

// scans lets so many scans of a minute at most begin every five minutes. Nobody reads what they say: that something could not be published.
func (a *account) scans(count int, after func(scan int)) {
	for scan := range count {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(a.Context(), time.Minute)
		_, _ = a.monitor.Run(ctx)
		cancel()
		time.Sleep(5*time.Minute - time.Since(begun))
		after(scan)
	}
}

// named are the times of the messages of a type that name something.
func (t *tap) named(kind alert.Type, what string) []time.Time {
	var times []time.Time
	for _, e := range t.events {
		if e.Type == kind && strings.Contains(fmt.Sprintf("%+v", e), what) {
			times = append(times, e.Time)
		}
	}
	return times
}
