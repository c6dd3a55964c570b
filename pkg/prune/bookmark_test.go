//go:build !race

package prune_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Runs that end early, wherever that is, come to all states between them: each of some trees of folders is pruned to its end.
func TestRunsThatEndEarlyComeToAllStates(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				w := inside(t)
				globs := []string{"*/branches/**", "a/branches/**,b/branches/**,c/branches/**", "a/**,b/**,c/**", "**", "a/branches/x/**,a/branches/y/**,a/branches/[!xy]*/**,[bc]/**"}[r.IntN(5)]
				var empty []string
				for i := range 150 + r.IntN(300) {
					folders := strings.Repeat(fmt.Sprintf("%c/", 'x'+r.IntN(3)), r.IntN(4)) + strings.Repeat(fmt.Sprintf("%d/", r.IntN(40)), r.IntN(3))
					key, content := fmt.Sprintf("%c/branches/%s%d.tfstate", "aaabc"[r.IntN(5)], folders, i), "applied"
					if r.IntN(3) > 0 {
						content, empty = "destroyed", append(empty, key)
					}
					w.put(key, local.State(t, content))
				}
				time.Sleep(month)
				w.most = 500 * (2 + r.IntN(40)) // some states a run
				runs := 0
				for ; w.hasAny(empty) && runs < 3*len(empty); runs++ {
					if _, err := w.runOf(globs, fmt.Sprint("run ", runs), nothing); err != nil {
						t.Fatal(err)
					}
				}
				t.Logf("%d runs of %s for %d of at most %d bytes each", runs, globs, len(empty), w.most)
				if w.hasAny(empty) || runs > 4+4*len(empty)*400/w.most {
					t.Errorf("%d runs of %s for %d states", runs, globs, len(empty))
				}
			})
		})
	}
}
