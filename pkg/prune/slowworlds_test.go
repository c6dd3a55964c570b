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

// Wherever the folders of teams are, and whatever a team with slow locks has below its own: a run prunes what each other team has, behind any of its abandoned states.
func TestSlowLocksAnywhereTakeNoRunFromOthers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 2))
				w := inside(t)
				above := strings.Repeat("x/", r.IntN(4)) + []string{"", "env:/dev/", "live/"}[r.IntN(3)]
				below := []string{"", "branches/", "aws/prod/"}[r.IntN(3)]
				globs := []string{"**", above + "*/" + below + "**", above + "a-team/**," + above + "0-team/**," + above + "b-team/**"}[r.IntN(3)]
				parts := make([][]int, 6)
				for i := range parts {
					for range r.IntN(5) {
						parts[i] = append(parts[i], 1+r.IntN(6))
					}
				}
				w.slowTeam(300, func(i int) string {
					folder := above + "a-team/" + below
					for depth, n := range parts[i%len(parts)] {
						folder += fmt.Sprintf("%d/", (i>>depth)%n)
					}
					return folder
				}, []string{"/./", "/././", "/.//", "//", "///"})
				var empty []string
				for _, team := range []string{"0-team/", "a-team-b/", "b-team/"} {
					if team == "a-team-b/" && strings.Contains(globs, "a-team/**") {
						continue
					}
					for i := range 1 + r.IntN(120) {
						key, content := fmt.Sprintf("%s%s%s%03d.tfstate", above, team, below+strings.Repeat("z/", r.IntN(3)), i), "applied"
						if i == 0 || r.IntN(20) == 0 {
							content, empty = "destroyed", append(empty, key)
						}
						w.put(key, local.State(t, content))
					}
				}
				time.Sleep(month)
				report, err := w.runOf(globs, fmt.Sprint("run ", seed), slowRows)
				if err != nil || w.hasAny(empty) {
					t.Errorf("paths %s below %q: %d examined, %d pruned, %v; states of others are there", globs, above, report.Examined, len(report.Pruned), err)
				}
			})
		})
	}
}
