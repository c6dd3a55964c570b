package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// One team has more stale states than a table of the page shows, and as many that were pruned lately. What another team
// has there is on the page all the same, with the button that restores its state.
func TestManyStaleStatesOfOneTeamHideNoneOfAnother(t *testing.T) {
	t.Parallel()
	for name, prefixes := range map[string][2]string{
		"of another prefix":         {"a-team", "b-team"},
		"of a workspace like it":    {"env:/a", "env:/b"},
		"that sorts before it":      {"b-team", "a-team"},
		"of a prefix of its prefix": {"teams/a/x", "teams/a/y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := console.Prunings{Self: "arn:aws:lambda:eu-central-1:123456789012:function:prune"}
			add := func(prefix string, n int) {
				path := func(what string) tflock.Path {
					return tflock.NewPath("states", fmt.Sprintf("%s/%s%03d", prefix, what, n))
				}
				p.Report.Kept = append(p.Report.Kept,
					policy.Stale{Path: path("abandoned"), Fate: policy.Kept, Reason: policy.KeptHasResources, ManagedObjects: 1},
					policy.Stale{Path: path("kept"), Fate: policy.Kept, Reason: policy.KeptLocked})
				p.Report.Pruned = append(p.Report.Pruned, policy.Stale{Path: path("empty"), Fate: policy.WouldPrune})
				p.Lately = append(p.Lately, ledger.Pruned{At: time.Now(), State: policy.Stale{Path: path("pruned"), Fate: policy.Pruned}})
			}
			for i := range 150 {
				add(prefixes[0], i)
			}
			add(prefixes[1], 0)
			page := parse(t, console.Stale(widget.Context{}, p))
			text := strings.ReplaceAll(page.Text(nil), "\u200b", "")
			for _, what := range []string{"abandoned", "kept", "empty", "pruned"} {
				if path := "states/" + prefixes[1] + "/" + what + "000"; !strings.Contains(text, path) {
					t.Errorf("%s is not on the page", path)
				}
			}
			if n := strings.Count(text, "100 of 151 states, some of each prefix"); n != 4 {
				t.Errorf("%d tables say that they leave states out", n)
			}
			restores := 0
			for _, b := range page.Buttons("Restore") {
				if strings.Contains(b.Payload, "states/"+prefixes[1]+"/pruned000") {
					restores++
				}
			}
			if restores != 1 {
				t.Errorf("%d buttons restore its state", restores)
			}
		})
	}
}
