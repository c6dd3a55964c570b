package main

import (
	"os"
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
	happens := []string{"apply", "destroy", "killed", "released", "runs", "refused"}
	if local.Have(local.Terraform) || os.Getenv("LOCKWARDEN_TESTS") != "" {
		happens = append(happens, "terraform-1.5.7")
	}
	for _, happened := range happens {
		if !strings.Contains(out.String(), happened) {
			t.Errorf("nobody %s", happened)
		}
	}
	t.Log(out.String())
}
