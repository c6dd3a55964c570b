package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

func TestMessagesThatAMailServerStallsTakeNoTimeFromThoseOfOthers(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t, mailServer{dislikes: "states%2Fdev", stalls: true})
		for i := range 8 {
			a.locks().Put(scale.Lock(fmt.Sprintf("states/dev/%d", i), fmt.Sprintf("id-%d", i), lately()))
		}
		a.locks().Put(scale.Lock("states/prod/x", "prod", lately()))
		a.scans(1, func(int) {})
		if tap.types() != "lock.stuck" || tap.events[0].Lock.Path != "states/prod/x" {
			t.Errorf("published: %q", tap.types())
		}
	})
}

// A mail server may take its time for each mail, to greet or to look at what is in it: less than the mailer waits.
func TestAMailServerThatIsSlowGetsEachMessage(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		a, tap := overheard(t, mailServer{takes: 16 * time.Second})
		for i := range 3 {
			a.locks().Put(scale.Lock(fmt.Sprintf("states/prod/%d", i), fmt.Sprintf("id-%d", i), lately()))
		}
		a.scans(5, func(int) {})
		if tap.types() != "lock.stuck lock.stuck lock.stuck" {
			t.Errorf("published: %q", tap.types())
		}
	})
}
