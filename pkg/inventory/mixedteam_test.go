//go:build !race

package inventory_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Who is called mixed is so, whatever the team does in between and whatever an inventory misses;
// and where an inventory follows each apply, everyone who is so is found.
func TestAMixedTeamIsFoundAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newTeam(t)
		always := rapid.Bool().Draw(t, "an inventory after each step")
		m.do("Ti")
		if rapid.Bool().Draw(t, "a digest is left in an earlier table") {
			m.leave(m.newest)
		}
		var did, shown []rune // the versions after that, by their writers: all, and those that leave proofs
		objects := false      // there was a lock object before
		for range rapid.IntRange(2, 14).Draw(t, "steps") {
			step := rapid.SampledFrom([]rune("TTTLLLBBpphd")).Draw(t, "step")
			m.after(time.Duration(rapid.SampledFrom([]int{0, 1, 3, 60, 3600}).Draw(t, "seconds")) * time.Second)
			if always {
				m.after(10 * time.Second)
			}
			steps[step](m)
			switch step {
			case 'T':
				did = append(did, 'T')
				if objects {
					shown = append(shown, 'T')
				}
			case 'L':
				objects = true
				did = append(did, 'L')
				if m.digest != "" { // without any, nobody knows whether one was deleted
					shown = append(shown, 'L')
				}
			case 'B', 'p':
				objects = true
			case 'h': // without a lock, in the second in which another client has one
				if m.now.Sub(m.free) < time.Second {
					did = append(did, 'L')
				}
			}
			if always || rapid.IntRange(0, 2).Draw(t, "inventory") == 0 {
				steps['i'](m)
				is := slices.Contains(m.found(), "critical mixed_locking")
				if is && changes(did) < 2 || always && !is && changes(shown) >= 2 {
					t.Fatalf("mixed %v of the writers %q, of whom %q leave proofs: %+v", is, string(did), string(shown), m.last.Findings)
				}
			}
		}
	})
}

func changes(kinds []rune) int { return len(slices.Compact(slices.Clone(kinds))) - 1 }
