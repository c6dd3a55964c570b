//go:build !race

package monitor_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/monitor"
)

// flooded is a world of one lock table, one bucket and a ledger.
func flooded() *scale.World {
	return &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
}

// monitorOver watches a flooded world, and other tables that may be missing from it, over a wire on which no call is repeated.
func monitorOver(t *testing.T, world *scale.World, wire aws.HTTPClient, others ...string) *monitor.Monitor {
	t.Helper()
	cfg := scale.Config(wire)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	tables := []string{scale.TableARN("locks")}
	for _, name := range others {
		tables = append(tables, scale.TableARN(name))
	}
	return watchOver(t, world, cfg, tables, []string{scale.BucketARN("states")}).monitor
}

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
