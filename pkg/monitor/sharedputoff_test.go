package monitor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// Teams may share the first part of their keys, as workspaces do (env:/): what a mail server dislikes in a lock of one keeps no locks of others back.
func TestAMessageThatIsPutOffKeepsNoFolderBack(t *testing.T) {
	t.Parallel()
	for _, prod := range []string{"states/env:/prod/x", "states/env:/x"} {
		t.Run(prod, func(t *testing.T) {
			t.Parallel()
			testPutOffBeside(t, prod)
		})
	}
}

// testPutOffBeside has locks of another folder put off.
func testPutOffBeside(t *testing.T, prod string) {
	t.Helper()
	const hostile, dev = "evil.example", "states/env:/dev/x"
	taken := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	junk := func(key string) scale.Item { return scale.Item{"LockID": {"S": key}, "Info": {"S": "x"}} }
	for name, tc := range map[string]struct {
		before, then func(locks *scale.Table) // what there is before the first scan, and from then on
		comes        string
	}{
		"a lock that is stuck": {func(locks *scale.Table) {
			locks.Put(scale.LockOf(dev, "dev", hostile, taken()))
			locks.Put(scale.Lock(prod, "prod", taken().Add(time.Minute)))
		}, func(*scale.Table) {}, "lock.stuck"},
		"locks that are stuck at once": {func(locks *scale.Table) {
			for i := range 11 {
				locks.Put(scale.LockOf(fmt.Sprint(dev, i), fmt.Sprintf("id-%d", i), hostile, taken()))
			}
			locks.Put(scale.Lock(prod, "prod", taken().Add(time.Minute)))
		}, func(*scale.Table) {}, "lock.stuck"},
		"the reminder of a lock that was written again": {func(locks *scale.Table) {
			locks.Put(scale.LockOf(dev, "dev", "me@host", taken()))
			locks.Put(scale.Lock(prod, "prod", taken()))
		}, func(locks *scale.Table) { locks.Put(scale.LockOf(dev, "dev", hostile, taken())) }, "lock.reminder"},
		"rows that hold junk": {func(locks *scale.Table) {
			locks.Put(junk(dev + hostile))
			locks.Put(junk(prod))
		}, func(*scale.Table) {}, "lock.unreadable"},
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
						if string(e.Type) == tc.comes && strings.Contains(fmt.Sprintf("%+v", e), prod) {
							return
						}
					}
					t.Errorf("in six hours there is no %s of the lock of production", tc.comes)
				})
			})
		}
	}
}
