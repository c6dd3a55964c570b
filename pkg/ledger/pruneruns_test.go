package ledger_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

func TestAbandonedOfThePrunesThatContinueEachOther(t *testing.T) {
	part := func(abandoned int, stopped, continued bool) ledger.PruneRun {
		return ledger.PruneRun{Abandoned: abandoned, StoppedEarly: stopped, Continued: continued}
	}
	for name, tc := range map[string]struct {
		runs    []ledger.PruneRun
		n       int
		partial bool
	}{
		"none":                           {},
		"one that examined all":          {runs: []ledger.PruneRun{part(8, false, false), part(3, false, false)}, n: 3},
		"one that stopped early":         {runs: []ledger.PruneRun{part(8, false, false), part(3, true, false)}, n: 3, partial: true},
		"one in three parts":             {runs: []ledger.PruneRun{part(8, false, false), part(5, true, false), part(2, true, true), part(1, false, true)}, n: 8},
		"a new one after one in parts":   {runs: []ledger.PruneRun{part(5, true, false), part(2, false, true), part(4, true, false)}, n: 4, partial: true},
		"a part whose beginning expired": {runs: []ledger.PruneRun{part(2, false, true)}, n: 2, partial: true},
		"a part whose beginning was not recorded, after a whole one": {runs: []ledger.PruneRun{part(8, false, false), part(2, false, true)}, n: 2, partial: true},
		"a part of it, after another in parts":                       {runs: []ledger.PruneRun{part(5, true, false), part(4, false, true), part(2, true, true)}, n: 2, partial: true},
	} {
		t.Run(name, func(t *testing.T) {
			if n, partial := ledger.Abandoned(tc.runs); n != tc.n || partial != tc.partial {
				t.Errorf("%d, partial %t", n, partial)
			}
		})
	}
}
