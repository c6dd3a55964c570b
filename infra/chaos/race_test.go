package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// The race in short, with one mode; `make chaos` races in all of them, for minutes.
func TestRace(t *testing.T) {
	var out strings.Builder
	if err := runRace(t.Context(), 15*time.Second, []local.Mode{local.ByBoth}, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, happened := range []string{"apply", "destroy", "killed", "released", "runs"} {
		if !strings.Contains(out.String(), happened) {
			t.Errorf("nobody %s", happened)
		}
	}
	t.Log(out.String())
}
