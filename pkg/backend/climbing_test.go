package backend_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What ADR 25 rests on: no client cleans a key with ".." in the row of its lock, so that such a row can be a lock.
func TestClientsLockUnderNamesThatClimb(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services, local.Terraform)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	old, err := local.Terraform15()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range append(slices.Clip(clients), old) {
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			const key = "a-team/0/../../production/terraform.tfstate"
			name := "climbing-" + strings.ReplaceAll(client.Name, ".", "-")
			bucket, err := server.MakeBucket(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			table, err := server.MakeTable(t.Context(), name, "LockID")
			if err != nil {
				t.Fatal(err)
			}
			set, err := backend.Open(server.Config(), []string{table}, []string{bucket})
			if err != nil {
				t.Fatal(err)
			}
			w, err := server.Workspace(t.Context(), client, t.TempDir(), name, name, key, local.ByTable)
			if err != nil {
				t.Fatal(err)
			}
			path := tflock.NewPath(name, key)
			run, err := w.Hold(t.Context(), local.TenMinutes, func() bool {
				h, found, err := set.Tables[0].Find(t.Context(), path)
				return err == nil && found && h.Err == nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := run.Kill(); err != nil {
				t.Fatal(err)
			}
			if names, err := set.Tables[0].AliasesOf(t.Context(), path.Clean()); err != nil || !slices.Equal(names.Of(path.Clean()), []tflock.Path{path}) {
				t.Errorf("other names of %s: %q, %v", path.Clean(), names.Of(path.Clean()), err)
			}
		})
	}
}
