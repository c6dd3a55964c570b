//go:build !race

package monitor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// busyLedger is an AWS whose ledger takes so many rows and then no more for a while, as one partition of DynamoDB does that is
// written faster than a thousand units a second.
type busyLedger struct {
	scale.Direct
	mu    sync.Mutex
	takes int
	bytes int // that it was given
}

func (b *busyLedger) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
		return b.Direct.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var asked struct{ RequestItems map[string][]json.RawMessage }
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	time.Sleep(time.Millisecond) // as a call takes: those that began before it come before it
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes += len(body)
	if b.takes -= len(asked.RequestItems["ledger"]); b.takes >= 0 {
		return b.Direct.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`)),
	}, nil
}

// Somebody who writes one prefix takes locks with other long names at each scan, more than the ledger can record until the next one. It
// grew with each scan then, until none could read it in its time, and nobody was notified of anything any more.
func TestLocksThatCannotAllBeRecordedDoNotFillTheLedger(t *testing.T) {
	t.Parallel()
	const each, takes, scans = 400, 300, 5
	world := &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	wire := &busyLedger{Direct: scale.Direct{World: world}}
	cfg := scale.Config(wire)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m := newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", func() time.Time { return now })
	name := func(scan, i int) string {
		return fmt.Sprintf("states/dev/%d-%d", scan, i) + strings.Repeat("\x01", 2000)
	}
	for scan := range scans {
		for i := range each {
			world.Tables["locks"].Remove(name(scan-1, i))
			world.Tables["locks"].Put(scale.Item{"LockID": {"S": name(scan, i)}, "Info": {"S": fmt.Sprintf(`{"ID":"%d-%d%s"}`, scan, i, strings.Repeat(`\u0001`, 1000))}})
		}
		wire.takes = takes
		if _, err := m.Run(t.Context()); scan == 0 && (err == nil || !strings.Contains(err.Error(), "ProvisionedThroughputExceededException")) {
			t.Fatalf("the ledger took everything: %v", err)
		}
		now = now.Add(5 * time.Minute)
	}
	if rows := world.Tables["ledger"].Len(); rows > 2*each {
		t.Errorf("after %d scans the ledger has %d rows, and there are %d locks", scans, rows, each)
	}
}

// Names and IDs of control characters take six times as much on record. 13,000 locks of such names made a ledger that no scan could read in
// its time.
func TestLocksOfControlCharactersTakeNoMoreOfTheLedger(t *testing.T) {
	t.Parallel()
	world := &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	for i := range 13_000 {
		world.Tables["locks"].Put(scale.Item{
			"LockID": {"S": fmt.Sprintf("states/dev/%d", i) + strings.Repeat("\x01", 2000)},
			"Info":   {"S": fmt.Sprintf(`{"ID":"%d%s","Who":"%s"}`, i, strings.Repeat(`\u0001`, 1000), strings.Repeat(`\u0001`, 250))},
		})
	}
	world.Tables["locks"].Put(scale.Lock("states/production/terraform.tfstate", "11111111-1111-4111-8111-111111111111", time.Now().Add(-time.Hour)))
	wire := &busyLedger{Direct: scale.Direct{World: world}, takes: 100_000}
	cfg := scale.Config(wire)
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	m := newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", time.Now)
	report, err := m.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "under states/dev/ are more locks than one scan can read") || report.Stuck != 1 {
		t.Errorf("%d stuck, %.300v", report.Stuck, err)
	}
	if most := 100 << 20; wire.bytes > most {
		t.Errorf("%d MB are on record, of which a scan reads some 11 in a second", wire.bytes>>20)
	}
}

// While not everything can be recorded, people are notified of a store that fails once, as without that, and of the flood as often as its
// prefix may have messages.
func TestWhatPeopleKnowIsKeptWhileNotAllCanBeRecorded(t *testing.T) {
	t.Parallel()
	for _, flood := range []int{0, 400} {
		t.Run(fmt.Sprint(flood, " locks"), func(t *testing.T) {
			world := &scale.World{
				Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
				Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
			}
			wire := &busyLedger{Direct: scale.Direct{World: world}}
			cfg := scale.Config(wire)
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			set, err := backend.Open(cfg, []string{scale.TableARN("locks"), scale.TableARN("missing")}, []string{scale.BucketARN("states")})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			m := newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", func() time.Time { return now })
			for scan := range 12 {
				for i := range flood {
					world.Tables["locks"].Remove(fmt.Sprintf("states/dev/%d-%d", scan-1, i))
					world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d-%d", scan, i), fmt.Sprintf("%d-%d", scan, i), now))
				}
				wire.takes = 300
				_, _ = m.Run(t.Context()) // the missing table fails it
				now = now.Add(5 * time.Minute)
			}
			if got := world.Calls()["Publish"]; got != 1 {
				t.Errorf("%d messages about the table that is missing", got)
			}
		})
	}
}

// slowLedger is an AWS whose ledger takes a second to take some rows.
type slowLedger struct{ scale.Direct }

func (s slowLedger) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(time.Second):
		}
	}
	return s.Direct.Do(r)
}

// Two thousand locks of one prefix become stuck in one scan, more than the ledger can record in its time. People are notified of what comes
// after them all the same.
func TestRecordingManyLocksLeavesTimeToNotify(t *testing.T) { // alone, since its time is its own
	world := &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	for i := range 2000 {
		world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprint(i), time.Now().Add(-time.Hour)))
	}
	cfg := scale.Config(slowLedger{scale.Direct{World: world}})
	set, err := backend.Open(cfg, []string{scale.TableARN("locks"), scale.TableARN("missing")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	_, err = newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", time.Now).Run(ctx)
	if got := world.Calls()["Publish"]; got != 2 {
		t.Errorf("%d messages: there are locks that are stuck, and a table that is missing: %v", got, err)
	}
}

// The same where several messages are about more than that: the time for the last of them is none of what comes after it.
func TestRecordingManyMessagesLeavesTimeToNotify(t *testing.T) { // alone, since its time is its own
	world := &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	world.Tables["locks"].Put(scale.Lock("states/prod/x", "prod", time.Now()))
	for i := range 2000 {
		world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprint(i), time.Now().Add(-time.Hour)))
		world.Tables["locks"].Put(scale.Item{"LockID": {"S": fmt.Sprintf("states/dev/junk/%d", i)}, "Info": {"S": "junk"}})
	}
	cfg := scale.Config(slowLedger{scale.Direct{World: world}})
	set, err := backend.Open(cfg, []string{scale.TableARN("locks"), scale.TableARN("missing")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 18*time.Second)
	defer cancel()
	m := newMonitor(cfg, set, "ledger", "arn:aws:sns:eu-central-1:123456789012:alerts", time.Now)
	_, err = m.Run(ctx)
	if got := world.Calls()["Publish"]; got != 3 {
		t.Errorf("%d messages: there are locks that are stuck, rows that nobody can read, and a table that is missing: %v", got, err)
	}
	if memory, err := m.Ledger.Recall(t.Context()); err != nil || memory.Locks[ledger.Key{Path: "states/prod/x", ID: "prod"}].FirstSeen.IsZero() {
		t.Errorf("the lock of production is not on record: %v", err)
	}
}
