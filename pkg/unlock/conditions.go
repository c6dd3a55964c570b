package unlock

import (
	"cmp"
	"context"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// conditions says why a lock cannot be removed safely from a store that holds it, what is not
// known of such stores, and which of them does not show who released. All are empty in AWS
// itself, which is asked nothing.
func (u *Unlocker) conditions(ctx context.Context, l tflock.Lock) (unsafe, doubt, silent string) {
	for _, h := range l.Holdings {
		s := u.store(h.Store)
		if s == nil {
			continue
		}
		report := s.Conditions(ctx)
		unsafe, doubt, silent = cmp.Or(unsafe, report.UnsafeUnlock()), cmp.Or(doubt, report.Doubt()), cmp.Or(silent, report.Silent())
	}
	return unsafe, doubt, silent
}

// afterUnsafe says what to do about a lock in a store that ignores conditions.
func afterUnsafe() []string {
	return []string{
		"Make sure that nobody starts a run on this state, then repeat with \"force\": true and the reason. Force also overrides the checks of the lock's age and of the state: look at its evidence first.",
		"`lockwarden probe BUCKET` shows what holds in this store. Move the state's locks to one that honours conditional requests.",
	}
}

// silentStep is the step that goes with a release from a store that does not show who released.
func silentStep(released []tflock.Kind, silent string) []string {
	if silent == "" || len(released) == 0 {
		return nil
	}
	return []string{"Whether this release or the lock's holder removed it is not known: " + silent + "."}
}

// doubtStep is the step that goes with a release from a store of which it is not known
// whether it honours conditions.
func doubtStep(doubt string) []string {
	if doubt == "" {
		return nil
	}
	return []string{"Check that nobody took the lock at this moment, since " + doubt + ": if the store ignores them, a new lock may have been removed in place of this one."}
}
