//go:build !race

package monitor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// Whoever has a mail server stall on one lock, and fills folders of the same prefix with what it dislikes, keeps no news of other prefixes back.
func TestManyFoldersOfALatePrefixKeepNoOtherPrefixBack(t *testing.T) {
	t.Parallel()
	const hostile, prod = "evil.example", "states/prod/x"
	taken := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	junk := func(key string) scale.Item { return scale.Item{"LockID": {"S": key}, "Info": {"S": "x"}} }
	for name, tc := range map[string]struct {
		before, then func(locks *scale.Table) // what there is before the first scan, and from then on
		comes        string
	}{
		"rows that hold junk": {func(locks *scale.Table) {
			locks.Put(junk("states/dev/late/junk"))
			for i := range 8 {
				locks.Put(junk(fmt.Sprintf("states/dev/%d/%s", i, hostile)))
			}
			locks.Put(junk(prod))
		}, func(*scale.Table) {}, "lock.unreadable"},
		"more rows that hold junk than a message is parted into": {func(locks *scale.Table) {
			locks.Put(junk("states/dev/late/junk"))
			for i := range 1000 {
				locks.Put(junk(fmt.Sprintf("states/dev/%d/%s", i, hostile)))
			}
			locks.Put(junk(prod))
		}, func(*scale.Table) {}, "lock.unreadable"},
		"reminders of locks that were written again": {func(locks *scale.Table) {
			locks.Put(scale.LockOf("states/dev/late/y", "dev-late-y", "me@host", taken()))
			for i := range 8 {
				locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%d/x", i), fmt.Sprint("dev", i), "me@host", taken()))
			}
			locks.Put(scale.Lock(prod, "prod", taken()))
		}, func(locks *scale.Table) {
			for i := range 8 {
				locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%d/x", i), fmt.Sprint("dev", i), hostile, taken()))
			}
		}, "lock.reminder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				locks := scale.LockTable("locks", scale.Crowd{})
				w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": locks, "ledger": scale.Ledger("ledger")}}
				tap := &tap{Direct: scale.Direct{World: w}}
				a := watchOver(t, w, scale.Config(putOff{tap, hostile, true}), []string{scale.TableARN("locks")}, nil)
				locks.Put(scale.LockOf("states/dev/late/x", "dev-late", hostile, taken()))
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
