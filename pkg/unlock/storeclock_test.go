package unlock_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// late are the answers of a store whose clock is behind ours.
type late struct {
	aws.HTTPClient
	by time.Duration
}

func (l late) Do(r *http.Request) (*http.Response, error) {
	response, err := l.HTTPClient.Do(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(-l.by).UTC().Format(http.TimeFormat))
	}
	return response, err
}

// Outside of AWS the clocks of the store and of the machine that unlocks are two, and the SDK works with
// both: it signs by the store's. What was taken a moment ago is not old for that.
func TestAStoreWhoseClockIsBehindProvesNoAge(t *testing.T) {
	const behind = 20 * time.Minute
	w := newWorld(t)
	if err := server.Clock(-behind); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Clock(0) })
	w.Lock("k", "live", w.Set.Buckets[0])
	cfg := server.Config()
	cfg.HTTPClient = late{cfg.HTTPClient, behind}
	set, err := backend.Open(cfg, nil, []string{w.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	set.Distrust()
	a, err := w.newUnlocker(cfg, set, 30*time.Minute, time.Now).Run(t.Context(), request(w, "live", ""), "request")
	if err != nil || a.Outcome != unlock.Refused || len(w.held()) != 1 {
		t.Errorf("a lock of a moment ago: %+v, %v; left %q", a, err, w.held())
	}
}

// A state that was written within the guard by the store's clock keeps its lock.
func TestAStateIsWrittenWhenTheStoreSaysSo(t *testing.T) {
	const behind = 20 * time.Minute
	w := newWorld(t)
	if err := server.Clock(-2 * behind); err != nil { // the lock is old
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Clock(0) })
	w.Lock("k", "live", w.Set.Buckets[0])
	if err := server.Clock(-behind); err != nil {
		t.Fatal(err)
	}
	w.Put("k", []byte("{}"))
	cfg := server.Config()
	cfg.HTTPClient = late{cfg.HTTPClient, behind}
	set, err := backend.Open(cfg, nil, []string{w.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	set.Distrust()
	a, err := w.newUnlocker(cfg, set, 30*time.Minute, time.Now).Run(t.Context(), request(w, "live", ""), "request")
	if err != nil || a.Outcome != unlock.Refused || len(w.held()) != 1 {
		t.Errorf("the state was written a moment ago: %+v, %v; left %q", a, err, w.held())
	}
}
