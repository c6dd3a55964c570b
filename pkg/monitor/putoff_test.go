package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// lately is when the locks were taken that are stuck.
func lately() time.Time { return time.Now().Add(-2 * time.Hour) }

func junkRow(key string) scale.Item {
	return scale.Item{"LockID": {"S": key}, "Info": {"S": "x"}}
}

// Whoever takes a lock chooses what a mail server dislikes, and has locks of others share its message: those come all the same, also where teams share
// the first part of their keys, as workspaces do (env:/).
func TestAMessageThatIsPutOffKeepsNoLocksOfOthersBack(t *testing.T) {
	t.Parallel()
	for _, place := range []struct{ dev, prod string }{
		{"states/dev/x", "states/prod/x"}, {"states/env:/dev/x", "states/env:/prod/x"}, {"states/env:/dev/x", "states/env:/x"},
	} {
		for name, tc := range map[string]struct {
			before, then func(locks *scale.Table) // what there is before the first scan, and from then on
			comes        alert.Type
		}{
			"a lock that is stuck": {func(locks *scale.Table) {
				locks.Put(scale.LockOf(place.dev, "dev", evil, lately()))
			}, nothing, alert.LockStuck},
			"locks that are stuck at once": {func(locks *scale.Table) {
				for i := range 11 {
					locks.Put(scale.LockOf(fmt.Sprint(place.dev, i), fmt.Sprintf("id-%d", i), evil, lately()))
				}
			}, nothing, alert.LockStuck},
			"the reminder of a lock that was written again": {func(locks *scale.Table) {
				locks.Put(scale.LockOf(place.dev, "dev", "me@host", lately()))
			}, func(locks *scale.Table) { locks.Put(scale.LockOf(place.dev, "dev", evil, lately())) }, alert.LockReminder},
			"rows that hold junk": {func(locks *scale.Table) {
				locks.Put(junkRow(place.dev + evil))
				locks.Put(junkRow(place.prod))
			}, nothing, alert.LockUnreadable},
		} {
			for _, stalls := range []bool{false, true} {
				t.Run(fmt.Sprint(place, name, stalls), func(t *testing.T) {
					t.Parallel()
					comesWithinSixHours(t, mailServer{dislikes: evil, stalls: stalls}, tc.comes, place.prod, tc.before, tc.then)
				})
			}
		}
	}
}

func nothing(*scale.Table) {}

// comesWithinSixHours fails where no message of a type names that lock, which is stuck from the beginning on unless something else is there.
func comesWithinSixHours(t *testing.T, server mailServer, comes alert.Type, prod string, before, then func(locks *scale.Table)) {
	t.Helper()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t, server)
		a.locks().Put(scale.Lock(prod, "prod", lately().Add(time.Minute)))
		before(a.locks())
		a.scans(12*6, func(scan int) {
			if scan == 0 {
				then(a.locks())
			}
		})
		if len(tap.named(comes, prod)) == 0 {
			t.Errorf("in six hours there is no %s of the lock of production", comes)
		}
	})
}
