//go:build !race

package monitor_test

import (
	"fmt"
	"testing"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Whoever has a mail server stall on one lock, and fills folders of the same prefix with what it dislikes, keeps no news of other prefixes back.
func TestManyFoldersOfALatePrefixKeepNoOtherPrefixBack(t *testing.T) {
	t.Parallel()
	const prod = "states/prod/x"
	junkIn := func(folders int) func(locks *scale.Table) {
		return func(locks *scale.Table) {
			locks.Put(junkRow("states/dev/late/junk"))
			for i := range folders {
				locks.Put(junkRow(fmt.Sprintf("states/dev/%d/%s", i, evil)))
			}
			locks.Put(junkRow(prod))
		}
	}
	locksBy := func(who string) func(locks *scale.Table) {
		return func(locks *scale.Table) {
			locks.Put(scale.LockOf("states/dev/late/y", "dev-late-y", "me@host", lately()))
			for i := range 8 {
				locks.Put(scale.LockOf(fmt.Sprintf("states/dev/%d/x", i), fmt.Sprint("dev", i), who, lately()))
			}
		}
	}
	for name, tc := range map[string]struct {
		before, then func(locks *scale.Table)
		comes        alert.Type
	}{
		"rows that hold junk": {junkIn(8), nothing, alert.LockUnreadable},
		"more rows that hold junk than a message is parted into": {junkIn(1000), nothing, alert.LockUnreadable},
		"reminders of locks that were written again":             {locksBy("me@host"), locksBy(evil), alert.LockReminder},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			comesWithinSixHours(t, mailServer{dislikes: evil, stalls: true}, tc.comes, prod, func(locks *scale.Table) {
				locks.Put(scale.LockOf("states/dev/late/x", "dev-late", evil, lately()))
				tc.before(locks)
			}, tc.then)
		})
	}
}
