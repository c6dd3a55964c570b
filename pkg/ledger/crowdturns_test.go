package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// Whatever folders somebody has crowded in each scan: people know of another prefix which some scans in a row could not read, also where they knew
// of it before two scans in a row read it.
func TestCrowdedFoldersInAnyOrderHideNoOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newScans()
		unread, read, known, fails := 0, 0, false, false // of production: scans in a row, and whether people know
		var log []string
		for range 40 {
			f := scan.Failure{Problem: "x"}
			for range rapid.IntRange(0, 2).Draw(t, "folders") {
				f.Crowded = append(f.Crowded, "b/a-team/"+strings.Repeat("a/", rapid.IntRange(0, 2).Draw(t, "depth"))+fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "folder"), "/"))
			}
			if fails = fails != (rapid.IntRange(0, 3).Draw(t, "production changes") == 0); fails {
				f.Object = len(f.Crowded) == 0
				f.Passing, f.Crowded = f.Object, append(f.Crowded, "b/production/")
				unread, read = unread+1, 0
			} else {
				unread, read = 0, read+1
			}
			var changes []ledger.Change
			if len(f.Crowded) == 0 {
				changes = s.again(nil)
			} else {
				changes = s.again(&f)
			}
			notified := slices.Contains(changes, ledger.Failed) || slices.Contains(changes, ledger.StillFailed)
			known = read < 2 && (known || (fails && notified))
			if log = append(log, fmt.Sprint(f.Crowded, changes)); unread > 3 && !known {
				t.Fatalf("%d scans in a row could not read b/production/, and people do not know:\n%s", unread, strings.Join(log, "\n"))
			}
		}
	})
}
