//go:build !race

package prune_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Some signs in a key take six bytes in an answer, of which Lambda takes 6 MB: one that is longer is lost, and with it what was pruned.
func TestLongKeysDoNotFillTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inside(t)
		const states = 300
		for i := range states {
			w.put(fmt.Sprintf("a/branches/%s/%03d", strings.Repeat("<", 900), i), local.State(t, "destroyed"))
		}
		time.Sleep(month)
		report, err := w.run("run", nothing)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 1600<<10 || len(report.Pruned) == 0 || len(report.Pruned)+report.Omitted != states {
			t.Errorf("%d KB, %d listed, %d omitted", len(raw)>>10, len(report.Pruned), report.Omitted)
		}
	})
}
