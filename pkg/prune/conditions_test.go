package prune_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// No lock can be taken safely in a store that ignores conditions, and none is where that is
// not known: everything is kept, a restore is refused, and one error says why.
func TestStoresThatDoNotHonourConditions(t *testing.T) {
	for name, tc := range map[string]struct {
		wire *local.Careless
		why  string
	}{
		"a write ignores its condition":  {&local.Careless{Ignores: "If-None-Match"}, "ignores the condition of a write"},
		"a delete ignores its condition": {&local.Careless{Ignores: "If-Match"}, "ignores the condition of a delete"},
		"the probe is denied":            {&local.Careless{Denies: http.MethodPut}, "honours conditional requests is not known: nothing could be written: AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			w.stale("branches/y/terraform.tfstate", local.State(t, "destroyed"))
			p := w.prunerOver(tc.wire)
			p.Stores.Distrust()
			for what, request := range map[string]prune.Request{"a prune": {}, "a dry run": {DryRun: true}} {
				report, err := p.Run(t.Context(), request, "request")
				if got := strings.Join(fates(report), ", "); err != nil || got != key+" kept locked, branches/y/terraform.tfstate kept locked" {
					t.Errorf("%s: %s %v", what, got, err)
				}
				if len(report.Errors) != 1 || !strings.Contains(report.Errors[0], tc.why) || !strings.Contains(report.Errors[0], w.BucketARN) {
					t.Errorf("%s: errors are %q", what, report.Errors)
				}
				if len(report.Kept) > 0 && !strings.Contains(report.Kept[0].Why, "no lock can be taken on it safely") {
					t.Errorf("%s: kept because %q", what, report.Kept[0].Why)
				}
			}
			if held := w.held(); len(held) > 0 {
				t.Errorf("left: %v", held)
			}
			answer, err := p.Restore(t.Context(), w.Path(key), "request")
			if err != nil || answer.Outcome != prune.Refused || !strings.Contains(answer.Message, tc.why) {
				t.Errorf("%+v %v", answer, err)
			}
			if n := tc.wire.Probes(); n > 25 {
				t.Errorf("%d requests for scratch objects: the store is to be probed once", n)
			}
		})
	}
}

// A store that honours conditions is pruned; with PruneMode=report nothing is written, by a
// probe either; and what a crash of a probe left is not taken for a state.
func TestStoresThatHonourConditions(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	w.stale("lockwarden-probe/LEFT.txt", []byte("scratch"))
	var err error
	if w.rules.Paths, err = policy.ParsePaths("**"); err != nil {
		t.Fatal(err)
	}
	for _, reportOnly := range []bool{true, false} {
		w.rules.ReportOnly = reportOnly
		wire := &local.Careless{}
		p := w.prunerOver(wire)
		p.Stores.Distrust()
		report, err := p.Run(t.Context(), prune.Request{}, "request")
		want := map[bool]string{true: key + " would_prune", false: key + " pruned"}[reportOnly]
		if got := strings.Join(fates(report), ", "); err != nil || got != want || len(report.Errors) > 0 {
			t.Errorf("%s %q %v, and not %s", got, report.Errors, err, want)
		}
		if probed := wire.Probes() > 0; probed == reportOnly {
			t.Errorf("ReportOnly is %v, and %d requests are of a probe", reportOnly, wire.Probes())
		}
	}
}
