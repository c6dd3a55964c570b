package monitor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// overheard is an account with a lock table and a bucket whose messages are kept.
func overheard(t *testing.T) (*account, *tap) {
	t.Helper()
	w := &scale.World{
		Latency: time.Millisecond,
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states"}},
	}
	heard := &tap{Direct: scale.Direct{World: w}}
	return watchOver(t, w, scale.Config(heard), []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")}), heard
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

// scans lets so many scans of a minute at most begin every five minutes.
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

// failures are the times of the messages about stores that could not be read.
func (t *tap) failures() []time.Time {
	var times []time.Time
	for _, e := range t.events {
		if e.Type == alert.ScanFailed {
			times = append(times, e.Time)
		}
	}
	return times
}
