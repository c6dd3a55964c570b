//go:build !race

package prune_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Some teams have many abandoned states each, and a run has no time for all of them: each is examined in one of the next runs.
func TestTheRestOfEachFolderHasItsTurnInSomeRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const teams, states, seconds = 12, 100, 30 // of 32 reads at once
		w := inside(t)
		for i := range teams * states {
			w.put(fmt.Sprintf("%d-team/branches/%02d.tfstate", i/states, i%states), local.State(t, "applied"))
		}
		time.Sleep(month)
		var mu sync.Mutex
		examined := map[string]bool{}
		for run := range 4 {
			_, err := w.run(fmt.Sprint("run ", run), func(input any) error {
				if in, reads := input.(*s3.GetObjectInput); reads && strings.HasSuffix(*in.Key, ".tfstate") {
					time.Sleep(seconds * time.Second)
					mu.Lock()
					defer mu.Unlock()
					examined[*in.Key] = true
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		if len(examined) != teams*states {
			t.Errorf("%d of %d states were examined in four runs", len(examined), teams*states)
		}
	})
}
