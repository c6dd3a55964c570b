package journey

import (
	"context"
	"os"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
)

// slow is a resource that takes as many seconds to make as a variable says, of the
// built-in provider: nothing is downloaded.
const slow = `
variable "seconds" { default = 0 }

resource "terraform_data" "app" {
  input            = "app"
  triggers_replace = var.seconds
  provisioner "local-exec" { command = "sleep ${var.seconds}" }
}
`

// Project is a folder with a configuration, as a user has it.
type Project struct{ *local.Workspace }

// Init makes a project with this backend block, as the stack's output gives it, and
// initialises it. What MiniStack needs besides is given as flags.
func (e *Engine) Init(ctx context.Context, c local.Client, dir, backend string) (Project, error) {
	env := append(e.environment(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	w, err := local.Init(ctx, c, dir, backend+slow, env,
		"-backend-config=use_path_style=true", "-backend-config=skip_requesting_account_id=true", "-backend-config=skip_credentials_validation=true")
	return Project{w}, err
}

// Die starts an apply, waits until it works under its lock, and kills it with kill -9, as
// a laptop does that dies: the lock stays.
func (p Project) Die(ctx context.Context) error {
	run, err := p.Start(ctx, local.TenMinutes, func(said string) bool { return strings.Contains(said, "terraform_data.app: Creating...") })
	if err != nil {
		return err
	}
	return run.Kill()
}
