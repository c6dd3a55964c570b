package main

import (
	"flag"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Some of the interleavings on the local AWS, so that what is found does not hang on the AWS in this process.
func TestSomeInterleavingsOnMoto(t *testing.T) {
	checks(t, 5)
	interleave(t, makeModelWorld(t), newCourier(), drawPlan)
}

// interleavings is how many plays TestAnyInterleaving makes, unless a flag of rapid says how many.
var interleavings = flag.Int("interleavings", 400, "how many interleavings of the model are tried")

func checks(t *testing.T, n int) {
	t.Helper()
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
}

func interleave(t *testing.T, w *world, outside *courier, draw *rapid.Generator[plan]) {
	t.Helper()
	plays, releasing := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := draw.Draw(rt, "plan")
		plays++
		broken := try(t, w, outside, p, func(m *model) {
			m.play(p)
			releasing += min(1, m.history.releases)
		})
		if broken != "" {
			rt.Fatal(broken)
		}
	})
	t.Logf("%d plays; a lock was released automatically in %d", plays, releasing)
}

// try plays a plan and heals. It returns the broken laws, with what led to them.
func try(t *testing.T, w *world, outside *courier, p plan, play func(m *model)) (broken string) {
	t.Helper()
	start := time.Now() // in a bubble it is another
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, w, outside, p, start)
		play(m)
		m.heal()
		if len(m.history.broken) > 0 {
			broken = strings.Join(m.history.broken, "\n") + "\nafter:\n" + m.traced()
		}
	})
	return broken
}
