package monitor_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// An apply may have written its state while another store was still being read.
func TestStatesAreAskedForWhenTheirListingIsOld(t *testing.T) {
	crowd := scale.Crowd{States: 1000, Locks: 3, Taken: time.Now().Add(-time.Hour)}
	a := newAccount(t, crowd, scale.Crowd{States: 1000})
	for step, looks := range map[time.Duration]int{time.Second: 0, 6 * time.Second: 3} {
		var mu sync.Mutex
		now := time.Now()
		a.monitor.Scanner = scan.New(a.set, usualRules, func() time.Time { // each look at the clock is so much later
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(step)
			return now
		})
		report, calls := a.scan()
		if calls["ListObjectsV2"] != 1+looks || report.Held != 3 {
			t.Errorf("%s between the listing and the end: %v, %d held", step, calls, report.Held)
		}
	}
}

// lookless answers as AWS does, but for looks at single states.
type lookless struct {
	scale.Direct
	hang bool
}

func (l lookless) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("prefix") == "" {
		return l.Direct.Do(r)
	}
	if l.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	const denied = `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>`
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(denied)), Request: r}, nil
}

func TestAStateThatCannotBeLookedAtLeavesTheLivenessUnknown(t *testing.T) {
	for name, hang := range map[string]bool{"denied": false, "hanging": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				w := &scale.World{
					Latency: time.Millisecond,
					Tables: map[string]*scale.Table{
						"locks":  scale.LockTable("locks", scale.Crowd{States: 1, Locks: 1, Taken: time.Now().Add(-time.Hour)}),
						"ledger": scale.Ledger("ledger"),
					},
					Buckets: map[string]*scale.Bucket{"states": {Name: "states", Crowd: scale.Crowd{States: 5001}}}, // too many for the listing to tell
				}
				a := watchOver(t, w, scale.Config(lookless{scale.Direct{World: w}, hang}), []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
				a.scan()
				report, _ := a.scan() // the same lock twice: but for the state it would be an orphan
				if len(report.Locks) != 1 || !report.Complete {
					t.Fatalf("%+v", report)
				}
				e := report.Locks[0].Evidence
				if e.Liveness != policy.Unknown || e.Written != nil || !strings.Contains(strings.Join(e.Reasons, "; "), "whether the state was written since is not known: ") {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}
