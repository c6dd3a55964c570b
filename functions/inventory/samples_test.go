package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// samples are the states of every format that the tests have.
func samples(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, folder := range []string{"", "survey"} {
		files, err := filepath.Glob(filepath.Join(local.Root(), "pkg", "tfstate", "testdata", folder, "*.tfstate"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	if len(all) < 16 {
		t.Fatalf("%d samples", len(all))
	}
	return all
}

// Real clients of both families read each sample, whichever release wrote it, and list as many
// objects as an inventory counts. They list no deposed ones, and nothing of encrypted states.
func TestRealClientsCountTheSame(t *testing.T) {
	t.Parallel()
	for _, sample := range samples(t) {
		state, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		contents, err := tfstate.Survey(bytes.NewReader(state), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(sample), func(t *testing.T) {
			t.Parallel()
			eachClient(t, func(t *testing.T, client local.Client) {
				copied := filepath.Join(t.TempDir(), "terraform.tfstate")
				if err := os.WriteFile(copied, state, 0o600); err != nil {
					t.Fatal(err)
				}
				list := exec.CommandContext(t.Context(), client.Path, "state", "list")
				list.Dir, list.Env = filepath.Dir(copied), []string{"HOME=" + filepath.Dir(copied), "CHECKPOINT_DISABLE=1"}
				out, err := list.Output()
				if contents.Format == tfstate.FormatEncrypted {
					if err == nil {
						t.Errorf("%s reads an encrypted state without its key: %s", client.Name, out)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				managed, data := 0, 0
				for address := range strings.Lines(string(out)) {
					if strings.HasPrefix(address, "data.") || strings.Contains(address, ".data.") {
						data++
					} else {
						managed++
					}
				}
				if want := *contents.Managed - *contents.Deposed; managed != want || data != *contents.Data {
					t.Errorf("%s lists %d objects and %d of data sources, and we count %d and %d: %s", client.Name, managed, data, want, *contents.Data, out)
				}
			})
		})
	}
}
