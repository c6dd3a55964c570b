package alert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever may write under one prefix can make many stale states that are kept: what was deleted
// elsewhere is listed all the same, since people can bring it back.
func TestWhatWasPrunedIsListedHoweverMuchStays(t *testing.T) {
	t.Parallel()
	var states []policy.Stale
	for i := range 150 {
		path := fmt.Sprintf("states/branches/a-team/%04d/%s.tfstate", i, strings.Repeat("k", 150))
		states = append(states, policy.Stale{Path: tflock.Path(path), Fate: policy.Kept, Reason: policy.KeptHasResources, ManagedObjects: 1, LastModified: now})
	}
	for i := range 5 {
		states = append(states, policy.Stale{Path: tflock.Path(fmt.Sprintf("states/branches/b-team/%d.tfstate", i)), Fate: policy.Pruned, LastModified: now})
	}
	e := alert.Fit(alert.Composer{Account: "123456789012", Region: "eu-central-1"}.Prune(alert.PruneReport{States: states, Pruned: 5, Kept: 150, Abandoned: 150}, now))
	mail := alert.Mail(e)
	for i := range 5 {
		if path := fmt.Sprintf("b-team/%d.tfstate", i); !strings.Contains(mail, path) {
			t.Errorf("the mail does not name %s", path)
		}
	}
	if len(e.States) < 100 || len(e.States)+e.Omitted != 155 || !e.States[0].Abandoned() {
		t.Errorf("%d states are listed and %d omitted, the first is %+v", len(e.States), e.Omitted, e.States[0])
	}
}
