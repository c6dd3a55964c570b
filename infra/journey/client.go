package journey

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"time"

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

// Run runs the client to its end. The error carries its output. On a busy machine the SDK in a
// client loses one answer in a thousand (pkg/httpbody says why): it asks again, and meets the lock
// that it has just taken itself. Its user then releases that lock and runs the command again.
func (p Project) Run(ctx context.Context, args ...string) (string, error) {
	began := time.Now()
	said, err := p.Workspace.Run(ctx, args...)
	own := ""
	if err != nil {
		own = takenSince(said, began)
	}
	if own == "" {
		return said, err
	}
	_, failed := p.Workspace.Run(ctx, "force-unlock", own) // of a half-lock it removes that half, and fails
	if said, err = p.Workspace.Run(ctx, args...); err != nil {
		err = errors.Join(err, failed)
	}
	return said, err
}

var lockInfo = regexp.MustCompile(`(?s)Lock Info:\n\s+ID:\s+(\S+).*\n\s+Created:\s+(\S+ \S+ \+0000 UTC)`)

// takenSince is the ID of the lock that a client met, if it was taken since then; else empty.
func takenSince(said string, began time.Time) string {
	found := lockInfo.FindStringSubmatch(said)
	if found == nil {
		return ""
	}
	if created, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", found[2]); err != nil || created.Before(began) {
		return ""
	}
	return found[1]
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
