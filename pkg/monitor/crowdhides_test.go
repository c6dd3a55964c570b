//go:build !race

package monitor_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// withheld does not give an object.
type withheld struct {
	*tap
	key string
}

func (h withheld) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, h.key) {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(`<Error><Code>ServiceUnavailable</Code><Message>x</Message></Error>`)), Request: r}, nil
	}
	return h.tap.Do(r)
}

// People who know that a folder is crowded do not know of another one where S3 fails to give a lock.
func TestACrowdedFolderHidesNoOther(t *testing.T) {
	t.Parallel()
	for _, flooded := range []string{"", "dev/", "env:/dev/", "prod/dev/"} {
		t.Run(flooded, func(t *testing.T) {
			t.Parallel()
			withheldKey := "prod/x"
			if strings.HasPrefix(flooded, "env:/") {
				withheldKey = "env:/prod/x"
			}
			ownClock(t, func(t *testing.T) {
				bucket := &scale.Bucket{Name: "states"}
				w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}, Buckets: map[string]*scale.Bucket{"states": bucket}}
				tap := &tap{Direct: scale.Direct{World: w}}
				a := watchOver(t, w, scale.Config(withheld{tap, withheldKey}), nil, []string{scale.BucketARN("states")})
				a.monitor.Scanner.SetLimit(40)
				if flooded != "" {
					for i := range 60 {
						bucket.Put(fmt.Sprintf("%sobject-%d.tflock", flooded, i), fmt.Sprintf(`{"ID":"o-%d","Path":"states/%sobject-%d","Created":"2025-12-31T23:00:00Z"}`, i, flooded, i), time.Now())
					}
				}
				start, from := time.Now(), time.Now()
				for scan := range 24 * 12 {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					before := time.Now()
					_, _ = a.monitor.Run(ctx)
					cancel()
					time.Sleep(5*time.Minute - time.Since(before))
					if scan == 30*5 {
						from = time.Now()
						bucket.Put(withheldKey+".tflock", fmt.Sprintf(`{"ID":"p","Path":"states/%s","Created":"2025-12-31T23:00:00Z"}`, withheldKey), time.Now())
					}
				}
				var learned []time.Duration
				for _, e := range tap.events {
					if e.Time.After(from) {
						learned = append(learned, e.Time.Sub(from))
					}
				}
				t.Log(tap.types(), learned, from.Sub(start))
				if len(learned) == 0 || learned[0] > 30*time.Minute {
					t.Errorf("people learn of it after %v", learned)
				}
			})
		})
	}
}

// Whoever keeps a folder crowded does not keep the alarm red that rings when nobody can be notified.
func TestACrowdedFolderFailsNoScan(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		locks := scale.LockTable("locks", scale.Crowd{})
		for i := range 60 {
			locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%d", i), fmt.Sprintf("id-%d", i), "x", time.Now()))
		}
		w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
		tap := &tap{Direct: scale.Direct{World: w}}
		a := watchOver(t, w, scale.Config(tap), []string{scale.TableARN("locks")}, nil)
		a.monitor.Scanner.SetLimit(40)
		report, err := a.monitor.Run(t.Context())
		if err != nil || len(report.Errors) != 1 || tap.types() != "scan.failed" {
			t.Errorf("published %q, the answer says %q; error: %v", tap.types(), report.Errors, err)
		}
		tap.mu.Lock()
		tap.deny = []string{"UpdateItem"}
		tap.mu.Unlock()
		if _, err := a.monitor.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody was notified") {
			t.Errorf("without the ledger: %v", err)
		}
	})
}
