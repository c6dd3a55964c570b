package stack_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// terragruntConfiguration has Terragrunt make the backend block. That the bucket and
// table are there already, it looks up by itself.
const terragruntConfiguration = `remote_state {
  backend  = "s3"
  generate = { path = "backend.tf", if_exists = "overwrite" }
  config = {
    bucket                      = %q
    key                         = %q
    region                      = %q
    encrypt                     = true
    %s
    endpoint                    = %q
    dynamodb_endpoint           = %q
    force_path_style            = true
    disable_bucket_update       = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
  }
}
`

// TerraformBackendPolicy is enough for Terragrunt, whichever way it locks.
func TestTerragruntWorksUnderTheBackendPolicy(t *testing.T) {
	terragrunt := filepath.Join(local.Root(), ".build", "bin", "terragrunt")
	tofu := filepath.Join(local.Root(), ".build", "bin", "tofu")
	local.Need(t, local.Terragrunt, local.OpenTofu)
	backend := deploy(t, "terragrunt", nil)
	team := roleWith(t, "terragrunt-team", backend.Resources["TerraformBackendPolicy"])
	locking := map[local.Mode]string{
		local.ByTable: fmt.Sprintf("dynamodb_table = %q", backend.Outputs["LockTableName"]),
		local.ByFile:  "use_lockfile = true",
		local.ByBoth:  fmt.Sprintf("dynamodb_table = %q\n    use_lockfile = true", backend.Outputs["LockTableName"]),
	}
	for mode, how := range locking {
		t.Run(string(mode), func(t *testing.T) {
			dir, key := t.TempDir(), "terragrunt/"+string(mode)+"/terraform.tfstate"
			write(t, dir, "terragrunt.hcl", fmt.Sprintf(terragruntConfiguration, backend.Outputs["StateBucketName"], key, local.Region, how, server.Endpoint, server.Endpoint))
			write(t, dir, "main.tf", `resource "terraform_data" "app" { input = "app" }`)
			for _, command := range []string{"apply", "destroy"} {
				cmd := exec.CommandContext(t.Context(), terragrunt, "run", "--non-interactive", "--no-color", "--", command, "-auto-approve", "-no-color") //nolint:gosec // what make built
				cmd.Dir = dir
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TG_TF_PATH=" + tofu, "CHECKPOINT_DISABLE=1"}
				for name, value := range team.Env() {
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				out, err := cmd.CombinedOutput()
				if err != nil || strings.Contains(string(out), "releasing the state lock") {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
			}
		})
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
