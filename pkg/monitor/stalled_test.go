//go:build !race

package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Whoever has a mail server stall on several kinds of messages of one prefix takes no time from the reminders and the news of others.
func TestSeveralMessagesOnWhichAMailServerStallsTakeNoTimeFromThoseOfOthers(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				a, tap := overheard(t, mailServer{takes: takes, dislikes: evil, stalls: true})
				a.locks().Put(scale.LockOf("states/dev/x", "dev", "me@host", lately()))
				a.locks().Put(scale.Lock("states/prod/x", "prod", lately()))
				a.locks().Put(scale.Lock("states/prod/y", "prod-y", lately()))
				a.scans(12*6, func(scan int) {
					switch scan {
					case 0:
						a.locks().Put(scale.LockOf("states/dev/x", "dev", evil, lately()))
						a.locks().Put(scale.LockOf("states/dev/y", "dev-y", evil, lately()))
					case 12 * 5:
						a.locks().Remove("states/prod/y")
					}
				})
				reminded, resolved := tap.named(alert.LockReminder, "states/prod/x"), tap.named(alert.LockResolved, "states/prod/y")
				if len(reminded) == 0 || len(resolved) == 0 {
					t.Errorf("in six hours: reminders %v, resolved %v", reminded, resolved)
				}
			})
		})
	}
}

// Whoever fills folders with a name that a mail server stalls on takes no time from the news of others.
func TestFailuresOnWhichAMailServerStallsTakeNoTimeFromTheLocksOfOthers(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{time.Second, 2 * time.Second} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			ownClock(t, func(t *testing.T) {
				a, tap := overheard(t, mailServer{takes: takes, dislikes: evil, stalls: true})
				a.monitor.Scanner.SetLimit(40)
				a.crowdTable("dev/" + evil + "/")
				a.fillBucket("dev/"+evil+"/", crowd)
				a.locks().Put(scale.LockOf("states/dev/y", "dev-y", evil, lately()))
				a.locks().Put(scale.Lock("states/prod/x", "prod", lately()))
				a.scans(24, func(int) {})
				if len(tap.named(alert.LockStuck, "states/prod/x")) == 0 {
					t.Errorf("in two hours nobody learned that the lock of production is stuck, but %s", tap.types())
				}
			})
		})
	}
}

// Whoever has people reminded of a folder whose name a mail server dislikes keeps no reminder of another store back.
func TestAReminderOfFailuresThatIsPutOffKeepsNoStoreBack(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t, mailServer{dislikes: evil}, "production")
		a.monitor.Scanner.SetLimit(40)
		a.crowdTable("dev/x/")
		a.scans(24*12, func(scan int) {
			if scan == 0 {
				for i := range crowd {
					a.locks().Remove(fmt.Sprintf("states/dev/x/row-%d", i))
				}
				a.crowdTable("dev/" + evil + "/")
			}
		})
		if failed := tap.named(alert.ScanFailed, scale.TableARN("production")); len(failed) < 3 {
			t.Errorf("in a day people learned at %v that production's table is not watched", failed)
		}
	})
}
